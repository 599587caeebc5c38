import { ensure } from '../base/error.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { Calibrator } from '../calibrate/activations/decide-ranges.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import type { OnnxFileModel } from '../convert/read-onnx-file.ts'
import type { ActivationParams } from '../formats/onnx/qdq/activations.ts'
import { quantizedValues } from '../formats/onnx/qdq/activations.ts'
import type { IntegerTensor } from '../formats/onnx/qdq/apply-static.ts'
import { applyStatic } from '../formats/onnx/qdq/apply-static.ts'
import type { Boundary } from '../formats/onnx/qdq/boundary.ts'
import { FLOAT_BOUNDARY, integerBoundary } from '../formats/onnx/qdq/boundary.ts'
import type { EditableDocument } from '../formats/onnx/qdq/editable.ts'
import { nestedOperators } from '../formats/onnx/qdq/nested-operators.ts'
import { normalize } from '../formats/onnx/qdq/normalize.ts'
import type { Exclusion, Placement } from '../formats/onnx/qdq/placement.ts'
import { placeIntegers } from '../formats/onnx/qdq/placement.ts'
import { labelOf } from '../formats/onnx/opset/node-edit.ts'
import type { ActivationPlan, OperatorPlan, Plan } from '../plan/plan-types.ts'
import type { IntegerProfile, RuntimeProfile } from '../targets/integer-kernels.ts'
import { ACTIVATION_CODES, INTEGER_PROFILES } from '../targets/integer-kernels.ts'
import type { IntegerFile } from './integer-file.ts'
import { keptFloat, noIntegersFinding, plannedFloats, writeIntegerFile } from './integer-file.ts'
import { roundedOutputs } from './model-io.ts'
import type { PreparedStatic } from './static-ranges.ts'
import { calibrateStatic } from './static-ranges.ts'

/** What inputs and outputs of a model are: float, or the activation's integers. */
export const MODEL_IO = ['float', 'int8'] as const

export type ModelIo = (typeof MODEL_IO)[number]

export type StaticFileRequest = {
  readonly model: OnnxFileModel
  readonly config: ResolvedConfig
  readonly runtime: RuntimeProfile
  readonly calibrator: Calibrator
  /** Of float32 inputs and outputs; a plan with activations has its own. */
  readonly io: ModelIo
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
  const prepared = await prepareStatic(request)
  const { findings, ...sections } =
    plan?.activations === undefined
      ? await planStatic(host, prepared, request)
      : sectionsOf(plan, prepared.placement)
  return writeIntegerFile(host, {
    model,
    config,
    document: prepared.document,
    keep: prepared.placement.floats.flatMap(({ weight }) => weight ?? []),
    apply: () => applyStaticPlan(prepared, sections),
    nested: nestedOperators(prepared.document.model),
    findings,
    sections,
    given: plan,
    place: request.place,
  })
}

/** Brings the model into the form of integer kernels and chooses what runs on them. */
async function prepareStatic({
  model,
  config,
  plan,
  io,
}: StaticFileRequest): Promise<PreparedStatic> {
  const document = await normalize(model.document)
  const boundary =
    plan?.activations === undefined
      ? boundaryFor(document, io)
      : plannedBoundary(document, plan.io ?? FLOAT_BOUNDARY)
  const placement = placeIntegers(document.graph, exclusionOf(config, plan), boundary)
  return { document, placement }
}

function boundaryFor({ graph }: EditableDocument, io: ModelIo): Boundary {
  return io === 'float' ? FLOAT_BOUNDARY : integerBoundary(graph)
}

function plannedBoundary({ graph }: EditableDocument, io: Boundary): Boundary {
  const { inputs, outputs } = integerBoundary(graph)
  const unknown =
    io.inputs.find((name) => !inputs.includes(name)) ??
    io.outputs.find((name) => !outputs.includes(name))
  ensure(
    unknown === undefined,
    'invalid-plan',
    `The plan has "${unknown ?? ''}" in io, but the model has no such float32 input or output. It has the inputs ${inputs.join(', ')} and the outputs ${outputs.join(', ')}.`,
    { name: unknown ?? '' },
  )
  return io
}

/** What configuration or plan keep float; a plan decides alone. */
function exclusionOf(config: ResolvedConfig, plan: Plan | null): Exclusion {
  const floats = plannedFloats(plan)
  return (node, weight) => {
    if (plan !== null) return floats.get(labelOf(node)) ?? null
    return weight === '' ? null : keptFloat(config, weight, 'static')
  }
}

/** The decisions of static quantization, as the plan shows them. */
type StaticSections = Required<Pick<Plan, 'activations' | 'operators' | 'runtime'>> &
  Pick<Plan, 'io'>

type StaticPlan = StaticSections & { readonly findings: readonly Finding[] }

async function planStatic(
  host: Host,
  prepared: PreparedStatic,
  { config, runtime, calibrator, scratch, model }: StaticFileRequest,
): Promise<StaticPlan> {
  const { data, samples, sampling } = config.calibration
  ensure(
    data !== null,
    'usage',
    'Static quantization finds the ranges of activations on sample data: add --calibration <descriptor or folder of pictures>. Without samples, use --precision dynamic.',
    { missing: 'calibration' },
  )
  const { seed } = config
  const request = { model, data, samples, sampling, seed, runtime, calibrator, scratch }
  const { activations, findings } = await calibrateStatic(host, prepared, request)
  const { placement } = prepared
  return {
    ...staticSections(placement, runtime, activations),
    findings: [
      ...findings,
      ...(placement.integers.length === 0 ? [noIntegersFinding('Conv, Gemm or MatMul')] : []),
      ...roundedOutputs(prepared.document.graph, placement, activations ?? []),
    ],
  }
}

function sectionsOf(plan: Plan, placement: Placement): StaticPlan {
  const { runtime = 'x86-vnni', activations = [] } = plan
  return { ...staticSections(placement, runtime, activations), findings: [] }
}

function staticSections(
  placement: Placement,
  runtime: RuntimeProfile,
  activations: readonly ActivationPlan[],
): StaticSections {
  const { boundary } = placement
  const isFloat = boundary.inputs.length + boundary.outputs.length === 0
  return {
    runtime,
    activations,
    operators: operatorsOf(placement),
    ...(isFloat ? {} : { io: boundary }),
  }
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

/** Puts the planned integers into the document. */
async function applyStaticPlan(
  { document, placement }: PreparedStatic,
  { activations, runtime }: Pick<StaticPlan, 'activations' | 'runtime'>,
): Promise<readonly IntegerTensor[]> {
  const params = new Map<string, ActivationParams>(
    (activations ?? []).map((plan: ActivationPlan) => [plan.tensor, plan]),
  )
  const profile = INTEGER_PROFILES[runtime ?? 'x86-vnni']
  for (const value of quantizedValues(placement)) checkRange(value, params.get(value), profile)
  return applyStatic(document, placement, params, profile)
}

/** A plan may have been edited. */
function checkRange(
  value: string,
  params: ActivationParams | undefined,
  { activations }: IntegerProfile,
): void {
  ensure(
    params !== undefined,
    'invalid-plan',
    `The plan has no range for the activation "${value}", which an integer operator needs. Make a new plan with \`mixbit plan\`.`,
    { tensor: value },
  )
  const { qmin, qmax } = ACTIVATION_CODES[activations]
  const scale = Math.fround(params.scale)
  ensure(
    scale > 0 && Number.isFinite(scale) && params.zeroPoint >= qmin && params.zeroPoint <= qmax,
    'invalid-plan',
    `The plan gives the activation "${value}" the scale ${params.scale} and the zero point ${params.zeroPoint}; ${activations} takes a positive float32 and ${qmin} to ${qmax}.`,
    { tensor: value, scale: params.scale, zeroPoint: params.zeroPoint },
  )
}
