import type { CodeRange } from '../../../kernels/kernels.ts'
import { swapFirstAxes } from '../../../tensor/derive-transpose.ts'
import { elementsOf } from '../../../tensor/weight.ts'
import type { Attribute } from '../../../graph/graph.ts'
import type { NodeProto } from '../generated/onnx_pb.ts'
import { TensorProto_DataType } from '../generated/onnx_pb.ts'
import { onnxNode } from '../nodes.ts'
import { editNode, labelOf } from '../opset/node-edit.ts'
import type { IntegerTensor } from './apply-static.ts'
import { bytesOfValues, storedFloats } from './derived-tensor.ts'
import type { EditableDocument } from './editable.ts'
import { addComputed, addSmall, constantValues, dropUnread } from './editable.ts'
import { channelScales, integerWeight } from './integer-weight.ts'
import type { WeightedNode } from './weighted-node.ts'

/** A node whose activation is quantized when it runs. */
export type DynamicNode = { readonly node: NodeProto; readonly weighted: WeightedNode }

/** An activation after DynamicQuantizeLinear, which all its readers share. */
type QuantizedInput = { readonly codes: string; readonly scale: string; readonly zeroPoint: string }

/** A weight as integer kernels read it. */
type QuantizedWeight = { readonly codes: string; readonly scale: string }

/**
 * Rewrites nodes to multiply integers: DynamicQuantizeLinear, then MatMulInteger or ConvInteger, then
 * the sums times both scales. ONNX Runtime makes one kernel of a MatMul's.
 */
export async function applyDynamic(
  document: EditableDocument,
  nodes: readonly DynamicNode[],
  codes: CodeRange,
): Promise<readonly IntegerTensor[]> {
  const stored: IntegerTensor[] = []
  const weights = new Map<string, QuantizedWeight>()
  const inputs = new Map<string, QuantizedInput>()
  const rewritten = new Map<NodeProto, readonly NodeProto[]>()
  for (const { node, weighted } of nodes) {
    const weight =
      weights.get(weighted.weight) ?? (await quantizeWeight(document, weighted, codes, stored))
    weights.set(weighted.weight, weight)
    const known = inputs.get(weighted.input)
    const input = known ?? inputNames(document, weighted.input)
    inputs.set(weighted.input, input)
    const first = known === undefined ? [quantizeInput(weighted.input, input)] : []
    rewritten.set(node, [...first, ...integerNodes(document, node, weighted, input, weight)])
  }
  document.graph.node = document.graph.node.flatMap((node) => rewritten.get(node) ?? [node])
  dropUnread(document, weights.keys())
  return stored
}

async function quantizeWeight(
  document: EditableDocument,
  { kind, weight: name, axis }: WeightedNode,
  codes: CodeRange,
  stored: IntegerTensor[],
): Promise<QuantizedWeight> {
  const values = constantValues(document, name)
  if (values === undefined) throw new TypeError(`"${name}" is no initializer`)
  const isTransposed = kind === 'gemm' && axis === 0
  // MatMulInteger wants inputs first.
  const ordered = isTransposed ? storedFloats(swapFirstAxes(values), name) : values
  const ownAxis = isTransposed ? 1 : axis
  const scales = await channelScales(ordered, ownAxis, codes, [])
  const quantized = document.unused(`${name}_quantized`)
  const scale = document.unused(`${name}_scale`)
  addComputed(document, integerWeight(ordered, quantized, ownAxis, scales, codes))
  const channels = scales.length
  // Scales of a convolution lie along its channels, before the spatial axes.
  const shape = kind === 'conv' ? [channels, ...values.shape.slice(2).map(() => 1)] : [channels]
  addSmall(document, { name: scale, dtype: 'float32', shape }, bytesOfValues(scales))
  const form = kind === 'conv' ? 'ConvInteger' : 'MatMulInteger'
  stored.push({
    source: name,
    dtype: 'int8',
    elements: elementsOf(values.shape),
    channels,
    zeroPoints: 0,
    form,
  })
  return { codes: quantized, scale }
}

function inputNames(document: EditableDocument, input: string): QuantizedInput {
  return {
    codes: document.unused(`${input}_quantized`),
    scale: document.unused(`${input}_scale`),
    zeroPoint: document.unused(`${input}_zero_point`),
  }
}

function quantizeInput(input: string, { codes, scale, zeroPoint }: QuantizedInput): NodeProto {
  return onnxNode({
    op: 'DynamicQuantizeLinear',
    name: codes,
    inputs: [input],
    outputs: [codes, scale, zeroPoint],
  })
}

function integerNodes(
  document: EditableDocument,
  node: NodeProto,
  weighted: WeightedNode,
  input: QuantizedInput,
  weight: QuantizedWeight,
): readonly NodeProto[] {
  const output = node.output[0] ?? ''
  const name = labelOf(node)
  const call = (
    op: string,
    step: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): NodeProto => {
    const made = document.unused(`${output}_${step}`)
    return onnxNode({ op, name: `${name}_${step}`, inputs, outputs: [made], attributes })
  }
  const product = editNode(node, {
    op: weighted.kind === 'conv' ? 'ConvInteger' : 'MatMulInteger',
    name,
    inputs: [input.codes, weight.codes, input.zeroPoint],
    outputs: [document.unused(`${output}_sums`)],
    ...(weighted.kind === 'conv'
      ? {}
      : {
          attributes: { alpha: undefined, beta: undefined, transA: undefined, transB: undefined },
        }),
  })
  const cast = call('Cast', 'float', product.output, {
    to: { kind: 'int', value: TensorProto_DataType.FLOAT },
  })
  const scale = call('Mul', 'scale', [input.scale, weight.scale])
  const scaled = call('Mul', 'scaled', [...cast.output, ...scale.output])
  const nodes = [product, cast, scale, scaled]
  // The Add behind a MatMul stays where it is.
  const hasBias = weighted.bias !== '' && weighted.adder === null
  if (hasBias) nodes.push(call('Add', 'biased', [...scaled.output, biasOf(document, weighted)]))
  const last = nodes.at(-1)
  if (last !== undefined) last.output = [output]
  return nodes
}

/** The bias of a convolution along its channels; that of a Gemm as it is. */
function biasOf(document: EditableDocument, { kind, bias, weight }: WeightedNode): string {
  if (kind !== 'conv') return bias
  const values = constantValues(document, bias)
  const rank = constantValues(document, weight)?.shape.length ?? 0
  if (values === undefined) throw new TypeError(`"${bias}" is no initializer`)
  const name = document.unused(`${bias}_column`)
  const shape = [elementsOf(values.shape), ...Array.from({ length: rank - 2 }, () => 1)]
  addComputed(document, { ...storedFloats(values, name), shape })
  dropUnread(document, [bias])
  return name
}
