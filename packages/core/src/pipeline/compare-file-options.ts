import type { Host } from '../base/host.ts'
import type { FileComparison } from '../compare/compare-files.ts'
import { compareFiles } from '../compare/compare-files.ts'
import type { OptionName, OptionQuality, OptionsComparison } from '../compare/options-types.ts'
import type { TimedRun } from '../compare/interleaved-times.ts'
import { timedContext } from '../compare/timed-context.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import { readOnnxFile } from '../convert/read-onnx-file.ts'
import { evaluateTask } from '../evaluate/evaluate-model-task.ts'
import { modelPreprocess } from '../evaluate/model-preprocess.ts'
import type { EvaluatedModel, TaskEvaluation } from '../evaluate/task-types.ts'
import type { SampleSource } from '../tasks/sample-feeds.ts'
import { sampleFeeds, sampleSources } from '../tasks/sample-feeds.ts'
import type { TaskDataset } from '../tasks/task-dataset.ts'
import { loadTaskDataset } from '../tasks/task-dataset.ts'
import type {
  MeasuredOption,
  OptionSettings,
  OptionsPlace,
  OptionsRequest,
} from './compare-options.ts'
import { NOTHING_MEASURED, measureOptions } from './compare-options.ts'
import { evaluatedFile } from './evaluate-file.ts'
import { auditOnnxFile, planOnnxFile, quantizeOnnxFile } from './onnx-file.ts'
import { quantizeDynamicFile } from './quantize-dynamic.ts'

const SETTINGS: OptionSettings = {
  int8: { precision: 'int8' },
  int4: { precision: 'int4' },
  mixed: { components: { model: 'int4' } },
  dynamic: { precision: 'dynamic' },
}

/** Samples on which options are timed. */
const TIMED_SAMPLES = 10

/** Everything that does not change from one option to the next. */
type Subject = {
  readonly own: EvaluatedModel
  readonly bytes: number
  readonly dataset: TaskDataset
  /** The same data when they have labels, else null. */
  readonly labelled: TaskDataset | null
  readonly timed: readonly SampleSource[]
  readonly samples: number
}

/** Compares the ways to quantize one ONNX file. */
export async function compareFileOptions(
  place: OptionsPlace,
  request: OptionsRequest,
): Promise<OptionsComparison> {
  const subject = await place.withHost((host) => openSubject(host, request))
  const { own, dataset, samples, bytes } = subject
  return measureOptions(place, request, {
    data: dataset.name,
    samples,
    settings: SETTINGS,
    float: () => place.withHost((host) => measure(host, place, request, subject, own.file, bytes)),
    quantized: (name, config) =>
      place.withHost(async (host) => {
        const written = await write(host, request.model, name, config, place.scratch)
        return measure(host, place, request, subject, written.file, written.bytes)
      }),
  })
}

async function openSubject(host: Host, { model, data, limit }: OptionsRequest): Promise<Subject> {
  const choice = limit === null ? {} : { limit }
  const dataset = await loadTaskDataset(host, data, { labels: 'optional', ...choice })
  const labelled = hasLabels(dataset)
    ? await loadTaskDataset(host, data, { labels: 'required', ...choice })
    : null
  const own = await evaluatedFile(host, model)
  const timed: SampleSource[] = []
  let samples = 0
  for await (const source of await sources(host, own, dataset)) {
    if (samples < TIMED_SAMPLES) timed.push(source)
    samples += 1
  }
  const { bytes, close } = await readOnnxFile(host, model)
  await close()
  return { own, bytes, dataset, labelled, timed, samples }
}

/** Text and sentence pairs are scored by themselves. */
function hasLabels(dataset: TaskDataset): boolean {
  if (dataset.kind === 'tensors') return dataset.samples.some(({ label }) => label !== null)
  return dataset.kind !== 'images'
}

async function sources(
  host: Host,
  own: EvaluatedModel,
  dataset: TaskDataset,
): Promise<AsyncIterable<SampleSource>> {
  const preprocess = await modelPreprocess(host, own, null)
  return sampleSources(host, dataset, { folder: own.folder, preprocess })
}

type WrittenOption = { readonly file: string; readonly bytes: number }

async function write(
  host: Host,
  path: string,
  name: OptionName,
  config: ResolvedConfig,
  scratch: string,
): Promise<WrittenOption> {
  const model = await readOnnxFile(host, path)
  const place = { folder: scratch, name }
  const file = host.within(scratch, `${name}.onnx`)
  try {
    if (name === 'dynamic') {
      const { written } = await quantizeDynamicFile(host, {
        model,
        config,
        runtime: 'x86-vnni',
        plan: null,
        place,
      })
      return { file, bytes: written?.bytes ?? 0 }
    }
    const audit = await auditOnnxFile(host, model)
    const plan = planOnnxFile(model, audit, config)
    const { bytes } = await quantizeOnnxFile(host, { model, audit, plan, ...place })
    return { file, bytes }
  } finally {
    await model.close()
  }
}

async function measure(
  host: Host,
  place: OptionsPlace,
  { model, numerics }: OptionsRequest,
  { own, dataset, labelled, timed }: Subject,
  file: string,
  bytes: number,
): Promise<MeasuredOption> {
  const stage = file === own.file ? 'evaluate float' : `evaluate ${file.replace(/^.*[/\\]/u, '')}`
  const scored =
    labelled === null
      ? null
      : await evaluateTask(host, { ...own, file }, labelled, { numerics, stage, now: place.now })
  const moved =
    file === own.file
      ? null
      : await compareFiles(host, {
          reference: own.file,
          candidate: file,
          probes: [],
          names: { reference: model, candidate: file, data: dataset.name },
          sources: await sources(host, own, dataset),
          options: { numerics },
          findings: [],
        })
  return {
    quality: qualityOf(scored?.evaluation ?? null, moved),
    bytes,
    findings: [...dataset.findings, ...(scored?.evaluation.findings ?? [])],
    run: timedRun(place, file, timed),
  }
}

/** With several outputs, the error is that of the output that moved most. */
function qualityOf(evaluation: TaskEvaluation | null, moved: FileComparison | null): OptionQuality {
  const { metric, value, low, high } = evaluation ?? NOTHING_MEASURED
  const outputs = moved?.outputs ?? []
  return {
    metric,
    value,
    low,
    high,
    sqnrDb: least(outputs.map(({ sqnrDb }) => sqnrDb)),
    top1Agreement: least(outputs.map(({ top1Agreement }) => top1Agreement)),
  }
}

function least(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : Math.min(...known)
}

/** Inputs are made before the clock runs, and only what the graph itself takes counts. */
function timedRun(
  { context, now }: OptionsPlace,
  file: string,
  samples: readonly SampleSource[],
): TimedRun {
  const timed = timedContext(context, now)
  return async (round) => {
    const sample = samples[round % samples.length]
    if (sample === undefined) throw new TypeError('There are no samples to time')
    const session = await timed.context.session(file, { numerics: 'device' })
    const feeds = await sampleFeeds(session, sample, context)
    timed.take()
    await session.run(feeds)
    return timed.take()
  }
}
