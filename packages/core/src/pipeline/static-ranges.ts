import type { Calibrator } from '../calibrate/activations/decide-ranges.ts'
import { decideRanges, needsOnlyEnds } from '../calibrate/activations/decide-ranges.ts'
import type { Observed } from '../calibrate/activations/observe-dataset.ts'
import { observeDataset } from '../calibrate/activations/observe-dataset.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { Sampling } from '../config/settings.ts'
import type { OnnxFileModel } from '../convert/read-onnx-file.ts'
import { folderOf } from '../convert/read-onnx-file.ts'
import { assumedFinding, modelPreprocess } from '../evaluate/model-preprocess.ts'
import { quantizedValues } from '../formats/onnx/qdq/activations.ts'
import type { EditableDocument } from '../formats/onnx/qdq/editable.ts'
import { graphView } from '../formats/onnx/qdq/graph-view.ts'
import type { ChannelAxis } from '../formats/onnx/qdq/observed-ends.ts'
import type { Placement } from '../formats/onnx/qdq/placement.ts'
import type { ActivationPlan } from '../plan/plan-types.ts'
import type { RuntimeProfile } from '../targets/integer-kernels.ts'
import { INTEGER_PROFILES } from '../targets/integer-kernels.ts'
import { loadCalibrationSamples } from './calibration-samples.ts'
import { writeObserved } from './write-observed.ts'

/** What full 8-bit quantization is asked for. */
export type StaticRequest = {
  readonly model: OnnxFileModel
  readonly runtime: RuntimeProfile
  readonly calibrator: Calibrator
  /** Dataset descriptor or folder of pictures; only so many samples. */
  readonly data: string
  readonly samples: number
  readonly sampling: Sampling
  /** Of `diverse` sampling. */
  readonly seed: number
  /** An existing folder for the float model that calibration runs. */
  readonly scratch: string
}

/** A document ready for integers, with its decisions. */
export type PreparedStatic = {
  readonly document: EditableDocument
  readonly placement: Placement
}

/** Finds the ranges of all activations on calibration data. */
export async function calibrateStatic(
  host: Host,
  { document, placement }: PreparedStatic,
  request: StaticRequest,
): Promise<{
  readonly activations: readonly ActivationPlan[]
  readonly findings: readonly Finding[]
}> {
  const { runtime, calibrator } = request
  const values = quantizedValues(placement)
  if (values.length === 0) return { activations: [], findings: [] }
  const { observed, findings } = await observeValues(host, { document, placement }, request, values)
  const states = new Map(
    values.flatMap((value, at) => {
      const state = observed.states[at]
      return state === undefined ? [] : [[value, state] as const]
    }),
  )
  const activations = decideRanges({
    placement,
    view: graphView(document.graph),
    profile: INTEGER_PROFILES[runtime],
    calibrator,
    states,
    means: new Map(
      values.flatMap((value, at) => {
        const means = observed.means[at]
        return means === undefined ? [] : [[value, means] as const]
      }),
    ),
  })
  const unbounded = values.filter((value) => (states.get(value)?.histogram.notFinite ?? 0) > 0)
  return { activations, findings: [...findings, ...overflowFinding(unbounded)] }
}

async function observeValues(
  host: Host,
  { document, placement }: PreparedStatic,
  request: StaticRequest,
  values: readonly string[],
): Promise<{ readonly observed: Observed; readonly findings: readonly Finding[] }> {
  const { scratch, calibrator, model } = request
  const dataset = await loadCalibrationSamples(host, { ...request, model: model.path })
  host.emit({ kind: 'stage', stage: 'calibrate', detail: dataset.name })
  const models = await writeObserved(host, {
    document,
    values: values.map((name) => ({ name, channels: channelAxis(placement, name) })),
    keep: needsOnlyEnds(calibrator) ? 'ends' : 'histogram',
    folder: scratch,
  })
  const described = 'preprocess' in dataset ? dataset.preprocess : null
  const folder = folderOf(model.path)
  const evaluated = { file: model.path, folder, options: { numerics: 'faithful' } } as const
  const preprocess = await modelPreprocess(host, evaluated, described)
  const observed = await observeDataset(host, {
    ...models,
    dataset,
    folder,
    preprocess,
  })
  const isAssumed = observed.preprocess ?? undefined
  return {
    observed,
    findings: [...dataset.findings, ...assumedFinding(preprocess, isAssumed)],
  }
}

/** Where a value that weights multiply has its channels; null where its readers do not agree. */
function channelAxis({ integers }: Placement, value: string): ChannelAxis | null {
  const axes = new Set(
    integers.flatMap(({ weighted }): readonly ChannelAxis[] => {
      if (weighted?.input !== value) return []
      return [weighted.kind === 'conv' ? 'second' : 'last']
    }),
  )
  const [axis = null] = axes
  return axes.size === 1 ? axis : null
}

function overflowFinding(values: readonly string[]): readonly Finding[] {
  const [first] = values
  if (first === undefined) return []
  return [
    {
      code: 'activation-not-finite',
      severity: 'warning',
      subject: first,
      message:
        `${values.length} activations became NaN or infinite on a calibration sample ("${first}" ` +
        'first). Their ranges come from the finite values; look at the samples.',
    },
  ]
}
