import type { IntegerProfile } from '../../../targets/integer-kernels.ts'
import type { NodeProto } from '../generated/onnx_pb.ts'
import { onnxNode } from '../nodes.ts'
import { bytesOfValues } from './derived-tensor.ts'
import type { EditableDocument } from './editable.ts'
import { addComputed, addSmall, constantValues, dropUnread, readWhole } from './editable.ts'
import type { CodeRange } from '../../../kernels/kernels.ts'
import type { StoredTensor } from '../stored-tensor.ts'
import { roundingShift } from './bias-correction.ts'
import type { ActivationParams } from './activations.ts'
import { paramsOf, quantizeActivations } from './activations.ts'
import { boundaryFacts, declareBoundary } from './declare-boundary.ts'
import type { ScaledBias } from './integer-weight.ts'
import { channelScales, integerBias, integerWeight } from './integer-weight.ts'
import type { Placement } from './placement.ts'
import type { WeightedNode } from './weighted-node.ts'

/** How plans call a bias that is stored as integers. */
export const BIAS_FORM = 'DequantizeLinear of int32'

/** What became of a weight or bias. */
export type IntegerTensor = {
  readonly source: string
  readonly dtype: 'int8' | 'int32'
  readonly elements: number
  /** Scales. */
  readonly channels: number
  readonly zeroPoints: number
  /** How the file holds it, in words for the plan. */
  readonly form: string
}

/**
 * Puts QuantizeLinear and DequantizeLinear around the nodes of a placement, so that the runtime finds
 * its integer kernels: one QuantizeLinear a value, weights and biases as stored integers.
 *
 * @param params - of every value of `quantizedValues`
 */
export async function applyStatic(
  document: EditableDocument,
  placement: Placement,
  params: ReadonlyMap<string, ActivationParams>,
  profile: IntegerProfile,
): Promise<readonly IntegerTensor[]> {
  const stored = await quantizeWeights(document, placement, params, profile)
  quantizeActivations(document, placement, params, profile)
  declareBoundary(document, boundaryFacts(placement.boundary, params, profile))
  return stored
}

async function quantizeWeights(
  document: EditableDocument,
  { integers }: Placement,
  params: ReadonlyMap<string, ActivationParams>,
  profile: IntegerProfile,
): Promise<readonly IntegerTensor[]> {
  const users = new Map<string, WeightUser[]>()
  for (const { node, weighted } of integers) {
    if (weighted === null) continue
    const { bias, input, weight, channels } = weighted
    const { scale: inputScale, means } = paramsOf(params, input)
    const values = bias === '' ? new Float32Array(channels) : await readWhole(document, bias)
    const user = { node, weighted, scaled: { inputScale, bias: values }, means: means ?? null }
    users.set(weight, [...(users.get(weight) ?? []), user])
  }
  const stored: IntegerTensor[] = []
  const replaced = new Set<string>()
  for (const [weight, own] of users) {
    stored.push(...(await quantizeWeight(document, weight, own, profile)))
    for (const { weighted } of own) replaced.add(weighted.weight).add(weighted.bias)
  }
  dropUnread(document, replaced)
  return stored
}

type WeightUser = {
  readonly node: NodeProto
  readonly weighted: WeightedNode
  readonly scaled: ScaledBias
  readonly means: readonly number[] | null
}

async function quantizeWeight(
  document: EditableDocument,
  name: string,
  users: readonly WeightUser[],
  { weights: codes }: IntegerProfile,
): Promise<readonly IntegerTensor[]> {
  const values = constantValues(document, name)
  const axis = users[0]?.weighted.axis ?? 0
  if (values === undefined) throw new TypeError(`"${name}" is no initializer`)
  const scales = await channelScales(
    values,
    axis,
    codes,
    users.map(({ scaled }) => scaled),
  )
  const channels = scales.length
  const quantized = document.unused(`${name}_quantized`)
  const zeroPoint = document.unused(`${name}_zero_point`)
  addComputed(document, integerWeight(values, quantized, axis, scales, codes))
  addSmall(
    document,
    { name: zeroPoint, dtype: 'int8', shape: [channels] },
    new Uint8Array(channels),
  )
  const decoded = addDequantize(document, name, { quantized, zeroPoint, scales, axis })
  const elements = values.shape.reduce((count, size) => count * size, 1)
  const stored: IntegerTensor[] = [
    {
      source: name,
      dtype: 'int8',
      elements,
      channels,
      zeroPoints: channels,
      form: 'DequantizeLinear',
    },
  ]
  for (const user of users) {
    const { node, weighted, scaled, means } = user
    const bias = await correctedBias(values, weighted, scaled, { means, scales, codes })
    node.input = node.input.map((input, at) => (at === 1 ? decoded : input))
    if (bias !== null) stored.push(replaceBias(document, user, bias, scales))
  }
  return stored
}

/** Gives a node, or the Add behind it, its bias as integers. */
function replaceBias(
  document: EditableDocument,
  { node, weighted }: WeightUser,
  scaled: ScaledBias,
  weightScales: Float32Array,
): IntegerTensor {
  const { bias, weight, adder } = weighted
  const source = bias === '' ? `${weight}_bias` : bias
  const added = addBias(document, source, scaled, weightScales)
  const reader = adder ?? node
  if (bias === '') reader.input = [...reader.input.slice(0, 2), added]
  else reader.input = reader.input.map((input) => (input === bias ? added : input))
  const channels = weightScales.length
  return { source, dtype: 'int32', elements: channels, channels, zeroPoints: 0, form: BIAS_FORM }
}

/** The bias with what rounding the weight takes from its products; null where there is none. */
async function correctedBias(
  weight: StoredTensor,
  { kind, axis, bias }: WeightedNode,
  { inputScale, bias: values }: ScaledBias,
  rounding: {
    readonly means: readonly number[] | null
    readonly scales: Float32Array
    readonly codes: CodeRange
  },
): Promise<ScaledBias | null> {
  const { means, scales, codes } = rounding
  const takesBias = bias !== '' || kind !== 'matmul'
  if (!takesBias || (bias === '' && means === null)) return null
  if (means === null) return { inputScale, bias: values }
  const shift = await roundingShift(weight, axis, { means, scales, codes })
  const corrected = values.map((value, channel) => value + (shift[channel] ?? 0))
  return { inputScale, bias: corrected }
}

function addBias(
  document: EditableDocument,
  name: string,
  scaled: ScaledBias,
  weightScales: Float32Array,
): string {
  const { codes, scales } = integerBias(scaled, weightScales)
  const quantized = document.unused(`${name}_quantized`)
  addSmall(
    document,
    { name: quantized, dtype: 'int32', shape: [codes.length] },
    bytesOfValues(codes),
  )
  return addDequantize(document, name, { quantized, zeroPoint: '', scales, axis: 0 })
}

/** codes -> DequantizeLinear with one scale a channel; returns the float value's name. */
function addDequantize(
  document: EditableDocument,
  name: string,
  parts: {
    readonly quantized: string
    readonly zeroPoint: string
    readonly scales: Float32Array
    readonly axis: number
  },
): string {
  const scale = document.unused(`${name}_scale`)
  const decoded = document.unused(`${name}_dequantized`)
  addSmall(
    document,
    { name: scale, dtype: 'float32', shape: [parts.scales.length] },
    bytesOfValues(parts.scales),
  )
  const inputs = [parts.quantized, scale, parts.zeroPoint].filter((input) => input !== '')
  document.graph.node.unshift(
    onnxNode({
      op: 'DequantizeLinear',
      name: '',
      inputs,
      outputs: [decoded],
      attributes: { axis: { kind: 'int', value: parts.axis } },
    }),
  )
  return decoded
}
