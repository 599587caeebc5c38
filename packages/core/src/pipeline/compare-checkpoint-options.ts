import type { Audit } from '../audit/audit-types.ts'
import type { Host } from '../base/host.ts'
import type { OptionsComparison } from '../compare/options-types.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import type { CheckpointModel } from '../convert/read-model.ts'
import { readCheckpointModel } from '../convert/read-model.ts'
import { writeJson } from '../quantize/data-sink.ts'
import { auditModel } from './audit-model.ts'
import { calibrateModel, savedStatistics } from './calibrate-model.ts'
import type { OptionSettings, OptionsPlace, OptionsRequest } from './compare-options.ts'
import { measureOptions } from './compare-options.ts'
import type { VlmSubject } from './compare-vlm-options.ts'
import { askedQuestions, measurePackage, measureVlm, vlmModel } from './compare-vlm-options.ts'
import type { FloatModel } from './float-model.ts'
import { writeFloatModel } from './float-model.ts'
import { importanceForPlan, planModel, quantizeModel } from './quantize-model.ts'

const SETTINGS: OptionSettings = {
  int8: { precision: 'int8' },
  int4: { precision: 'int4' },
  mixed: { preset: 'balanced' },
  dynamic: {
    notAvailable:
      'dynamic int8 is written for single ONNX files; packages of checkpoints have float activations',
  },
}

/** Everything that does not change from one option to the next. */
type Subject = VlmSubject & {
  readonly model: CheckpointModel
  readonly audit: Audit
  /** A statistics file; null without calibration data. */
  readonly statistics: string | null
}

/** Compares the ways to quantize a checkpoint. */
export async function compareCheckpointOptions(
  place: OptionsPlace,
  request: OptionsRequest,
): Promise<OptionsComparison> {
  const model = await place.withHost((host) => readCheckpointModel(host, request.model))
  try {
    const subject = await place.withHost((host) => openSubject(host, place, request, model))
    const { float, dataset } = subject
    return await measureOptions(place, request, {
      data: dataset.name,
      samples: dataset.samples.length,
      settings: SETTINGS,
      float: () =>
        place.withHost((host) => measureVlm(host, place, request, subject, float, model.bytes)),
      quantized: (name, config) =>
        place.withHost(async (host) => {
          const folder = host.within(place.scratch, name)
          const bytes = await write(host, subject, config, folder)
          return measurePackage(host, place, request, subject, { folder, bytes })
        }),
    })
  } finally {
    await model.close()
  }
}

async function openSubject(
  host: Host,
  { scratch }: OptionsPlace,
  request: OptionsRequest,
  model: CheckpointModel,
): Promise<Subject> {
  const questions = await askedQuestions(host, request)
  const audit = await auditModel(host, model)
  const probes = request.calibration.data === null ? 'plain' : 'with-probes'
  const folder = host.within(scratch, 'float')
  const float = await writeFloatModel(host, model, audit.weights, folder, probes)
  return {
    ...questions,
    model,
    audit,
    statistics: await statisticsFile(host, scratch, request, model, float),
    float: await vlmModel(host, model.path, float.files, request, questions.dataset),
  }
}

/** Calibrates once for all options; their statistics are the same. */
async function statisticsFile(
  host: Host,
  scratch: string,
  { calibration, seed }: OptionsRequest,
  model: CheckpointModel,
  { instrumented }: FloatModel,
): Promise<string | null> {
  const { data, samples, sampling } = calibration
  if (data === null || instrumented === null) return null
  if ((await savedStatistics(host, data)) !== null) return data
  const request = { data, samples, sampling, seed }
  const file = host.within(scratch, 'statistics.json')
  const { statistics } = await calibrateModel(host, model, instrumented, request)
  await writeJson(host, file, statistics)
  return file
}

/** Writes the package of an option and returns its bytes. */
async function write(
  host: Host,
  { model, audit, statistics }: Subject,
  config: ResolvedConfig,
  folder: string,
): Promise<number> {
  const plan = await planModel(host, audit, config, null, null)
  const calibrated = { ...config, calibration: { ...config.calibration, data: statistics } }
  const importance = await importanceForPlan(host, model, audit, plan, calibrated, () => {
    throw new TypeError('Statistics are measured before')
  })
  const request = { model, audit, plan, importance, folder, tables: 'shared' } as const
  return (await quantizeModel(host, request)).bytes
}
