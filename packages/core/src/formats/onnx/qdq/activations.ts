import type { IntegerProfile } from '../../../targets/integer-kernels.ts'
import type { NodeProto } from '../generated/onnx_pb.ts'
import { onnxNode } from '../nodes.ts'
import { labelOf, subgraphsOf } from '../opset/node-edit.ts'
import { bytesOfValues } from './derived-tensor.ts'
import type { EditableDocument } from './editable.ts'
import { addSmall } from './editable.ts'
import { graphView } from './graph-view.ts'
import type { IntegerNode, Placement } from './placement.ts'

/** Scale and zero point of a quantized activation. */
export type ActivationParams = {
  readonly scale: number
  readonly zeroPoint: number
  /** The mean of each channel; without it biases are not corrected. */
  readonly means?: readonly number[] | undefined
}

/** Every value that becomes integers: inputs of the model first, then in the order of the graph. */
export function quantizedValues({ integers, boundary }: Placement): readonly string[] {
  const values = new Set(boundary.inputs)
  for (const { inputs, outputs, quantizesOutput } of integers) {
    for (const input of inputs) values.add(input)
    if (quantizesOutput) for (const output of outputs) values.add(output)
  }
  for (const output of boundary.outputs) values.add(output)
  return [...values]
}

export function paramsOf(
  params: ReadonlyMap<string, ActivationParams>,
  value: string,
): ActivationParams {
  const found = params.get(value)
  if (found === undefined) throw new TypeError(`"${value}" has no scale`)
  return found
}

/** How a value is named on its way: what is computed, its codes, and what integer readers see. */
type ValuePath = {
  /** Null for an input of the model that comes as codes. */
  readonly float: string | null
  readonly codes: string
  /** Null where nobody reads it. */
  readonly decoded: string | null
}

/**
 * Puts one QuantizeLinear behind each value, and one DequantizeLinear behind that. An input of the model
 * that comes as integers has no QuantizeLinear; an output that leaves as integers has its codes under its
 * own name.
 */
export function quantizeActivations(
  document: EditableDocument,
  placement: Placement,
  params: ReadonlyMap<string, ActivationParams>,
  profile: IntegerProfile,
): void {
  const { graph } = document
  const { producer } = graphView(graph)
  const made = new Set(
    placement.integers.flatMap(({ outputs, quantizesOutput }) => (quantizesOutput ? outputs : [])),
  )
  const constants = sharedConstants(document, profile)
  const after = new Map<NodeProto | null, NodeProto[]>()
  for (const value of quantizedValues(placement)) {
    const maker = producer(value) ?? null
    const path = renameValue(document, placement, { value, maker, isMade: made.has(value) })
    const nodes = valueNodes(path, constants(value, paramsOf(params, value)))
    after.set(maker, [...(after.get(maker) ?? []), ...nodes])
  }
  graph.node = [
    ...(after.get(null) ?? []),
    ...graph.node.flatMap((node) => [node, ...(after.get(node) ?? [])]),
  ]
}

type MadeValue = {
  readonly value: string
  readonly maker: NodeProto | null
  /** Whether an integer kernel makes it. */
  readonly isMade: boolean
}

/** Gives a value's float, codes and decoded form their names, and readers the one that is theirs. */
function renameValue(
  { graph, unused }: EditableDocument,
  { integers, boundary }: Placement,
  { value, maker, isMade }: MadeValue,
): ValuePath {
  const decoded = `${value}_dequantized`
  if (boundary.inputs.includes(value)) {
    const name = unused(decoded)
    return {
      float: null,
      codes: value,
      decoded: renameReads(graph.node, value, name) ? name : null,
    }
  }
  if (boundary.outputs.includes(value)) {
    const [float, name] = [unused(`${value}_float`), unused(decoded)]
    const isDecoded = readDecoded(integers, value, name)
    const isRead = renameReads(graph.node, value, isMade ? name : float)
    if (maker !== null) renameOutput(maker, value, float)
    return { float, codes: value, decoded: isDecoded || (isMade && isRead) ? name : null }
  }
  const codes = unused(`${value}_quantized`)
  if (!isMade || maker === null) {
    const name = unused(decoded)
    readDecoded(integers, value, name)
    return { float: value, codes, decoded: name }
  }
  const float = unused(`${value}_float`)
  renameOutput(maker, value, float)
  return { float, codes, decoded: value }
}

function renameOutput(node: NodeProto, value: string, name: string): void {
  // A node without a name keeps the one by which plans know it.
  if (node.name === '') node.name = labelOf(node)
  node.output = node.output.map((output) => (output === value ? name : output))
}

/** Integer readers of a value; the others keep the exact value. Returns whether there are any. */
function readDecoded(integers: readonly IntegerNode[], value: string, decoded: string): boolean {
  const readers = integers.filter(({ inputs }) => inputs.includes(value))
  for (const { node, inputs } of readers) {
    node.input = node.input.map((input, at) =>
      input === value && at < inputs.length ? decoded : input,
    )
  }
  return readers.length > 0
}

/**
 * Every reader of a value, those in nested graphs included: ONNX forbids these to use its name anew.
 * Returns whether there are any.
 */
function renameReads(nodes: readonly NodeProto[], value: string, name: string): boolean {
  let isRead = false
  for (const node of nodes) {
    if (node.input.includes(value)) {
      isRead = true
      node.input = node.input.map((input) => (input === value ? name : input))
    }
    for (const nested of subgraphsOf(node)) {
      isRead = renameReads(nested.node, value, name) || isRead
      for (const output of nested.output) {
        if (output.name !== value) continue
        isRead = true
        output.name = name
      }
    }
  }
  return isRead
}

type Constants = { readonly scale: string; readonly zeroPoint: string }

/** Scales and zero points as initializers; values that have the same share them. */
function sharedConstants(document: EditableDocument, { activations }: IntegerProfile) {
  const names = new Map<string, string>()
  const shared = (key: string, base: string, add: (name: string) => void): string => {
    const known = names.get(key)
    if (known !== undefined) return known
    const name = document.unused(base)
    names.set(key, name)
    add(name)
    return name
  }
  return (value: string, { scale, zeroPoint }: ActivationParams): Constants => ({
    scale: shared(`scale ${Math.fround(scale)}`, `${value}_scale`, (name) => {
      const bytes = bytesOfValues(Float32Array.of(scale))
      addSmall(document, { name, dtype: 'float32', shape: [] }, bytes)
    }),
    zeroPoint: shared(`zero ${zeroPoint}`, `zero_point_${zeroPoint}`, (name) => {
      const codes = activations === 'uint8' ? Uint8Array.of(zeroPoint) : Int8Array.of(zeroPoint)
      addSmall(document, { name, dtype: activations, shape: [] }, bytesOfValues(codes))
    }),
  })
}

/** Without names of their own, which would take more bytes than the rest of a node. */
function valueNodes(
  { float, codes, decoded }: ValuePath,
  { scale, zeroPoint }: Constants,
): readonly NodeProto[] {
  const node = (op: string, input: string, output: string): NodeProto =>
    onnxNode({ op, name: '', inputs: [input, scale, zeroPoint], outputs: [output] })
  return [
    ...(float === null ? [] : [node('QuantizeLinear', float, codes)]),
    ...(decoded === null ? [] : [node('DequantizeLinear', codes, decoded)]),
  ]
}
