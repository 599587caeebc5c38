import type { Audit } from '../audit/audit-types.ts'
import type { Host } from '../base/host.ts'
import { compare } from '../compare/compare.ts'
import type { TimedRun } from '../compare/interleaved-times.ts'
import type { OptionQuality, OptionsComparison } from '../compare/options-types.ts'
import { timedContext } from '../compare/timed-context.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import type { CheckpointModel } from '../convert/read-model.ts'
import { readCheckpointModel } from '../convert/read-model.ts'
import { evaluateVqa } from '../evaluate/evaluate-vqa.ts'
import { writeJson } from '../quantize/data-sink.ts'
import type { VqaDataset } from '../tasks/dataset.ts'
import { loadVqaDataset } from '../tasks/dataset.ts'
import type { VlmModel } from '../tasks/vqa/answer.ts'
import { answerPicture } from '../tasks/vqa/answer.ts'
import { modelForDataset, readVlmModel } from '../tasks/vqa/model.ts'
import { promptContent } from '../tasks/vqa/prompt.ts'
import { auditModel } from './audit-model.ts'
import { calibrateModel, savedStatistics } from './calibrate-model.ts'
import type {
  MeasuredOption,
  OptionSettings,
  OptionsPlace,
  OptionsRequest,
} from './compare-options.ts'
import { NOTHING_MEASURED, measureOptions } from './compare-options.ts'
import type { FloatModel } from './float-model.ts'
import { writeFloatModel } from './float-model.ts'
import { openForEvaluation } from './open-for-evaluation.ts'
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

/** Questions on which options are timed. */
const TIMED_QUESTIONS = 10

/** The output that answers come from. */
const JUDGED_OUTPUT = 'logits'

/** Everything that does not change from one option to the next. */
type Subject = {
  readonly model: CheckpointModel
  readonly audit: Audit
  readonly float: VlmModel
  /** A statistics file; null without calibration data. */
  readonly statistics: string | null
  readonly dataset: VqaDataset
  readonly hasAnswers: boolean
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
        place.withHost((host) => measure(host, place, request, subject, float, model.bytes)),
      quantized: (name, config) =>
        place.withHost(async (host) => {
          const folder = host.within(place.scratch, name)
          const bytes = await write(host, subject, config, folder)
          const files = await openForEvaluation(host, folder, place.scratch, null)
          const made = await vlmModel(host, folder, files, request, dataset)
          return measure(host, place, request, subject, made, bytes)
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
  const choice = request.limit === null ? {} : { limit: request.limit }
  const any = await loadVqaDataset(host, request.data, { labels: 'optional', ...choice })
  const hasAnswers = any.samples.some(({ answers }) => answers.length > 0)
  const dataset = hasAnswers
    ? await loadVqaDataset(host, request.data, { labels: 'required', ...choice })
    : any
  const audit = await auditModel(host, model)
  const probes = request.calibration.data === null ? 'plain' : 'with-probes'
  const folder = host.within(scratch, 'float')
  const float = await writeFloatModel(host, model, audit.weights, folder, probes)
  return {
    model,
    audit,
    dataset,
    hasAnswers,
    statistics: await statisticsFile(host, scratch, request, model, float),
    float: await vlmModel(host, model.path, float.files, request, dataset),
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

async function vlmModel(
  host: Host,
  folder: string,
  files: VlmModel['files'],
  { numerics }: OptionsRequest,
  dataset: VqaDataset,
): Promise<VlmModel> {
  return modelForDataset(await readVlmModel(host, folder, files, { numerics }), dataset.options)
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

async function measure(
  host: Host,
  place: OptionsPlace,
  request: OptionsRequest,
  { float, dataset, hasAnswers }: Subject,
  candidate: VlmModel,
  bytes: number,
): Promise<MeasuredOption> {
  const stage =
    candidate === float ? 'evaluate float' : `evaluate ${candidate.folder.replace(/^.*[/\\]/u, '')}`
  const scored = hasAnswers
    ? (await evaluateVqa(host, candidate, dataset, { stage, now: place.now })).evaluation
    : null
  const { metric, value, low, high } = scored ?? NOTHING_MEASURED
  const moved =
    candidate === float ? NOT_MOVED : await error(host, request, float, candidate, dataset)
  return {
    quality: { metric, value, low, high, ...moved },
    bytes,
    findings: scored?.findings ?? dataset.findings,
    run: timedRun(place, candidate, dataset),
  }
}

type Moved = Pick<OptionQuality, 'sqnrDb' | 'top1Agreement'>

const NOT_MOVED: Moved = { sqnrDb: null, top1Agreement: null }

/** How far the scores of the first new token moved. */
async function error(
  host: Host,
  { model }: OptionsRequest,
  reference: VlmModel,
  candidate: VlmModel,
  dataset: VqaDataset,
): Promise<Moved> {
  const { outputs } = await compare(host, {
    reference,
    candidate,
    names: { reference: model, candidate: candidate.folder, data: dataset.name },
    samples: dataset.samples,
    prompt: dataset.options,
  })
  const logits = outputs.find(({ name }) => name === JUDGED_OUTPUT)
  return { sqnrDb: logits?.sqnrDb ?? null, top1Agreement: logits?.top1Agreement ?? null }
}

/** One whole answer: vision, prompt and every new token; only runs of graphs count. */
function timedRun(
  { context, now }: OptionsPlace,
  model: VlmModel,
  { samples, options }: VqaDataset,
): TimedRun {
  const timed = timedContext(context, now)
  const device: VlmModel = { ...model, options: { numerics: 'device' } }
  return async (round) => {
    const sample = samples[round % Math.min(samples.length, TIMED_QUESTIONS)]
    if (sample === undefined) throw new TypeError('There are no questions to time')
    const { id, imagePath, question } = sample
    const questions = [{ id, content: promptContent(question, options) }]
    timed.take()
    await answerPicture({ model: device, imagePath, questions }, timed.context)
    return timed.take()
  }
}
