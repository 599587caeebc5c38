import { ensure } from '../base/error.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { ChannelAxis } from '../calibrate/activations/channel-means.ts'
import type { Calibrator } from '../calibrate/activations/decide-ranges.ts'
import { decideRanges, needsOnlyEnds } from '../calibrate/activations/decide-ranges.ts'
import { observeDataset } from '../calibrate/activations/observe-dataset.ts'
import type { Observed } from '../calibrate/activations/observe-dataset.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import type { Sampling } from '../config/settings.ts'
import type { OnnxFileModel } from '../convert/read-onnx-file.ts'
import { folderOf } from '../convert/read-onnx-file.ts'
import { assumedFinding, modelPreprocess } from '../evaluate/model-preprocess.ts'
import type { ActivationParams, IntegerTensor } from '../formats/onnx/qdq/apply-static.ts'
import { applyStatic, quantizedValues } from '../formats/onnx/qdq/apply-static.ts'
import type { EditableDocument } from '../formats/onnx/qdq/editable.ts'
import { documentOf } from '../formats/onnx/qdq/editable.ts'
import { graphView } from '../formats/onnx/qdq/graph-view.ts'
import { withOutputs } from '../formats/onnx/qdq/observed-model.ts'
import { normalize } from '../formats/onnx/qdq/normalize.ts'
import type { Exclusion, Placement } from '../formats/onnx/qdq/placement.ts'
import { placeIntegers } from '../formats/onnx/qdq/placement.ts'
import { labelOf } from '../formats/onnx/opset/node-edit.ts'
import type { ActivationPlan, OperatorPlan, Plan } from '../plan/plan-types.ts'
import type { RuntimeProfile } from '../targets/integer-kernels.ts'
import { INTEGER_PROFILES } from '../targets/integer-kernels.ts'
import { loadCalibrationSamples } from './calibration-samples.ts'
import type { IntegerFile } from './integer-file.ts'
import { keptFloat, noIntegersFinding, writeIntegerFile } from './integer-file.ts'
import { writeDocument } from './write-document.ts'

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

/** The decisions of static quantization, as the plan shows them. */
export type StaticPlan = Required<Pick<Plan, 'activations' | 'operators' | 'runtime'>> & {
  readonly findings: readonly Finding[]
}

/** A document ready for integers, with its decisions. */
export type PreparedStatic = {
  readonly document: EditableDocument
  readonly placement: Placement
}

/** Brings the model into the form of integer kernels and chooses what runs on them. */
export async function prepareStatic(
  model: OnnxFileModel,
  exclusion: Exclusion,
): Promise<PreparedStatic> {
  const document = await normalize(model.document)
  const placement = placeIntegers(document.graph, exclusion)
  return { document, placement }
}

/** Finds the ranges of all activations on calibration data. */
export async function planStatic(
  host: Host,
  prepared: PreparedStatic,
  request: StaticRequest,
): Promise<StaticPlan> {
  const { runtime, calibrator } = request
  const values = quantizedValues(prepared.placement)
  if (values.length === 0) {
    const operators = operatorsOf(prepared.placement)
    return {
      runtime,
      activations: [],
      operators,
      findings: [noIntegersFinding('Conv, Gemm or MatMul')],
    }
  }
  const { observed, findings } = await observeValues(host, prepared, request, values)
  const states = new Map(
    values.flatMap((value, at) => {
      const state = observed.states[at]
      return state === undefined ? [] : [[value, state] as const]
    }),
  )
  const activations = decideRanges({
    placement: prepared.placement,
    view: graphView(prepared.document.graph),
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
  return {
    runtime,
    activations,
    operators: operatorsOf(prepared.placement),
    findings: [...findings, ...overflowFinding(unbounded)],
  }
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
  const file = await writeObserved(host, document, values, scratch)
  const described = 'preprocess' in dataset ? dataset.preprocess : null
  const folder = folderOf(model.path)
  const evaluated = { file: model.path, folder, options: { numerics: 'faithful' } } as const
  const preprocess = await modelPreprocess(host, evaluated, described)
  const observed = await observeDataset(host, {
    model: { file, options: { numerics: 'faithful' } },
    dataset,
    preprocess,
    values: values.map((name) => ({ name, channels: channelAxis(placement, name) })),
    keep: needsOnlyEnds(calibrator) ? 'ends' : 'histogram',
  })
  const isAssumed = observed.preprocess ?? undefined
  return {
    observed,
    findings: [...dataset.findings, ...assumedFinding(preprocess, isAssumed)],
  }
}

/** Where a value that a weight multiplies has its channels. */
function channelAxis({ integers }: Placement, value: string): ChannelAxis | null {
  const reader = integers.find(({ weighted }) => weighted?.input === value)
  if (reader === undefined) return null
  return reader.weighted?.kind === 'conv' ? 'second' : 'last'
}

/** Writes the float model that calibration runs; returns its path. */
async function writeObserved(
  host: Host,
  document: EditableDocument,
  values: readonly string[],
  folder: string,
): Promise<string> {
  const observed = withOutputs(documentOf(document), values)
  const files = await writeDocument(host, {
    document: observed,
    folder,
    name: 'calibration',
    inline: 'small',
  })
  return files[0]?.path ?? ''
}

/** What runs on integers and what does not, with reasons, in the order of the graph. */
function operatorsOf({ integers, floats }: Placement): readonly OperatorPlan[] {
  return [
    ...integers.map(({ node, absorbed, quantizesOutput }): OperatorPlan => {
      const follower = absorbed === null ? '' : `, with the ${absorbed.node.opType} behind it`
      const output = quantizesOutput ? '' : ', gives float'
      const reason = `it has an integer kernel${follower}${output}`
      return { node: labelOf(node), op: node.opType, runs: 'integer', reason }
    }),
    ...floats.map(({ node, reason }): OperatorPlan => ({
      node: labelOf(node),
      op: node.opType,
      runs: 'float',
      reason,
    })),
  ]
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

/** Puts the planned integers into the document. */
export async function applyStaticPlan(
  { document, placement }: PreparedStatic,
  { activations, runtime }: Pick<StaticPlan, 'activations' | 'runtime'>,
): Promise<readonly IntegerTensor[]> {
  const params = new Map<string, ActivationParams>(
    (activations ?? []).map((plan: ActivationPlan) => [plan.tensor, plan]),
  )
  for (const value of quantizedValues(placement)) {
    ensure(
      params.has(value),
      'invalid-plan',
      `The plan has no range for the activation "${value}", which an integer operator needs. Make a new plan with \`mixbit plan\`.`,
      { tensor: value },
    )
  }
  return applyStatic(document, placement, params, INTEGER_PROFILES[runtime ?? 'x86-vnni'])
}

export type StaticFileRequest = {
  readonly model: OnnxFileModel
  readonly config: ResolvedConfig
  readonly runtime: RuntimeProfile
  readonly calibrator: Calibrator
  /** An existing folder for the float model that calibration runs. */
  readonly scratch: string
  /** A plan with activations, used instead of calibration; null calibrates. */
  readonly plan: Plan | null
  /** An existing folder, and the file name without `.onnx`; null only plans. */
  readonly place: { readonly folder: string; readonly name: string } | null
}

/**
 * Full 8-bit quantization of one ONNX file: weights and activations as integers wherever the runtime
 * has integer kernels, ranges from calibration data or from a plan.
 */
export async function quantizeStaticFile(
  host: Host,
  request: StaticFileRequest,
): Promise<IntegerFile> {
  const { model, config, plan } = request
  const prepared = await prepareStatic(model, exclusionOf(config, plan))
  const sections =
    plan?.activations === undefined
      ? await planStatic(host, prepared, calibrationOf(request))
      : sectionsOf(plan, prepared.placement)
  const { findings, ...shown } = sections
  return writeIntegerFile(host, {
    model,
    config,
    document: prepared.document,
    keep: prepared.placement.floats.flatMap(({ weight }) => weight ?? []),
    apply: () => applyStaticPlan(prepared, shown),
    findings,
    sections: shown,
    place: request.place,
  })
}

/** What configuration and an edited plan keep float. */
function exclusionOf(config: ResolvedConfig, plan: Plan | null): Exclusion {
  const floats = new Map(
    (plan?.operators ?? []).flatMap(({ node, runs, reason }) =>
      runs === 'float' ? [[node, reason] as const] : [],
    ),
  )
  return (node, weight) =>
    floats.get(labelOf(node)) ?? (weight === '' ? null : keptFloat(config, weight, 'static'))
}

function calibrationOf({ config, runtime, calibrator, scratch, model }: StaticFileRequest) {
  const { data, samples, sampling } = config.calibration
  ensure(
    data !== null,
    'usage',
    'Static quantization finds the ranges of activations on sample data: add --calibration <descriptor or folder of pictures>. Without samples, use --precision dynamic.',
    { missing: 'calibration' },
  )
  const { seed } = config
  return { model, data, samples, sampling, seed, runtime, calibrator, scratch }
}

function sectionsOf(plan: Plan, placement: Placement): StaticPlan {
  return {
    runtime: plan.runtime ?? 'x86-vnni',
    activations: plan.activations ?? [],
    operators: operatorsOf(placement),
    findings: [],
  }
}
