import type { CodeRange } from '../../../kernels/kernels.ts'
import { roundHalfToEven } from '../../../tensor/rounding.ts'
import { memoryTensor } from '../stored-tensor.ts'
import type { NodeProto } from '../generated/onnx_pb.ts'
import { TensorProto_DataType } from '../generated/onnx_pb.ts'
import { editNode, inputOf, intOf } from '../opset/node-edit.ts'
import type { IntegerTensor } from './apply-static.ts'
import { bytesOfValues } from './derived-tensor.ts'
import type { EditableDocument } from './editable.ts'
import { addComputed, addSmall, dropUnread, readWhole, useMicrosoft } from './editable.ts'
import type { GraphView } from './graph-view.ts'
import { isStandard } from './graph-view.ts'

/** Inputs of LSTM: X, W, R, B, sequence lengths, initial states, peepholes. */
const INPUTS = 8

/** Whether DynamicQuantizeLSTM can stand for a node: both weights are constants that it alone reads. */
export function isDynamicRecurrent(view: GraphView, node: NodeProto): boolean {
  if (node.opType !== 'LSTM' || !isStandard(node) || (intOf(node, 'layout') ?? 0) !== 0)
    return false
  return [inputOf(node, 1), inputOf(node, 2)].every(
    (name) =>
      view.constant(name)?.dataType === TensorProto_DataType.FLOAT &&
      view.constant(name)?.dims.length === 3 &&
      view.readers(name).length === 1 &&
      !view.isPinned(name),
  )
}

/**
 * LSTM -> com.microsoft.DynamicQuantizeLSTM: weights as int8 with a scale a gate's unit, transposed to
 * (directions, inputs, 4 * hidden).
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.DynamicQuantizeLSTM
 */
export async function applyDynamicRecurrent(
  document: EditableDocument,
  nodes: readonly NodeProto[],
  codes: CodeRange,
): Promise<readonly IntegerTensor[]> {
  const stored: IntegerTensor[] = []
  const { graph } = document
  for (const node of nodes) {
    const names = [inputOf(node, 1), inputOf(node, 2)] as const
    const [w, r] = [
      await quantizeGates(document, names[0], codes, stored),
      await quantizeGates(document, names[1], codes, stored),
    ]
    const inputs = Array.from({ length: INPUTS }, (_, index) => inputOf(node, index))
    inputs.splice(1, 2, w.codes, r.codes)
    const rewritten = editNode(node, {
      op: 'DynamicQuantizeLSTM',
      inputs: [...inputs, w.scale, w.zeroPoint, r.scale, r.zeroPoint],
      attributes: { layout: undefined },
    })
    rewritten.domain = 'com.microsoft'
    graph.node.splice(graph.node.indexOf(node), 1, rewritten)
    dropUnread(document, names)
  }
  if (nodes.length > 0) useMicrosoft(document)
  return stored
}

async function quantizeGates(
  document: EditableDocument,
  name: string,
  { qmin, qmax }: CodeRange,
  stored: IntegerTensor[],
): Promise<{ readonly codes: string; readonly scale: string; readonly zeroPoint: string }> {
  const dims = document.graph.initializer.find((tensor) => tensor.name === name)?.dims.map(Number)
  const [directions = 0, gates = 0, inputs = 0] = dims ?? []
  const values = await readWhole(document, name)
  const channels = directions * gates
  const scales = new Float32Array(channels).fill(1)
  const transposed = new Int8Array(values.length)
  for (let channel = 0; channel < channels; channel++) {
    const row = values.subarray(channel * inputs, (channel + 1) * inputs)
    const largest = row.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
    const scale = largest < qmax * 2 ** -126 ? 1 : Math.fround(largest / qmax)
    scales[channel] = scale
    const [direction, gate] = [Math.floor(channel / gates), channel % gates]
    for (const [input, value] of row.entries()) {
      const code = roundHalfToEven(Math.fround(value / scale))
      const at = (direction * inputs + input) * gates + gate
      transposed[at] = Math.max(qmin, Math.min(qmax, code))
    }
  }
  const names = {
    codes: document.unused(`${name}_quantized`),
    scale: document.unused(`${name}_scale`),
    zeroPoint: document.unused(`${name}_zero_point`),
  }
  const shape = [directions, inputs, gates]
  const facts = { name: names.codes, dtype: 'int8', shape } as const
  addComputed(document, memoryTensor(facts, bytesOfValues(transposed)))
  const perGate = [directions, gates]
  addSmall(document, { name: names.scale, dtype: 'float32', shape: perGate }, bytesOfValues(scales))
  const zeros = new Uint8Array(channels)
  addSmall(document, { name: names.zeroPoint, dtype: 'int8', shape: perGate }, zeros)
  const form = 'DynamicQuantizeLSTM'
  stored.push({
    source: name,
    dtype: 'int8',
    elements: values.length,
    channels,
    zeroPoints: channels,
    form,
  })
  return names
}
