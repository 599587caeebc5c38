import { MixbitError } from '../../../base/error.ts'
import { reshaped } from '../../../tensor/derive.ts'
import { swapFirstAxes } from '../../../tensor/derive-transpose.ts'
import type { Weight } from '../../../tensor/weight.ts'
import { elementsOf } from '../../../tensor/weight.ts'
import type { OnnxDocument } from '../document.ts'
import type { NodeProto } from '../generated/onnx_pb.ts'
import { TensorProto_DataType } from '../generated/onnx_pb.ts'
import { tensorNumbers } from '../opset/constants.ts'
import { attributeOf, inputOf } from '../opset/node-edit.ts'
import { raiseOpset } from '../opset/raise-opset.ts'
import { storedFloats } from './derived-tensor.ts'
import type { EditableDocument } from './editable.ts'
import { addComputed, constantValues, dropUnread, editable } from './editable.ts'
import { foldIntoConvolutions } from './fold-convolution.ts'
import { graphView, isStandard } from './graph-view.ts'

/** Has QuantizeLinear and DequantizeLinear with one scale a channel. */
const OLDEST_OPSET = 13

/**
 * A copy of a document in the form that integer kernels want, with the same meaning: at opset 13 or
 * newer, constants as initializers, and what scales or shifts the channels of a convolution folded
 * into it.
 *
 * @throws `unsupported-scheme` when a node keeps the model at an older opset
 */
export async function normalize(source: OnnxDocument): Promise<EditableDocument> {
  const document = editable(raised(source))
  const constants = constantNames(document)
  fixInputs(document)
  liftConstants(document)
  dropIdentities(document)
  foldConstantShapes(document)
  dropUnread(document, constants)
  await foldIntoConvolutions(document)
  return document
}

function raised(document: OnnxDocument): OnnxDocument {
  const result = raiseOpset(document.model, OLDEST_OPSET)
  if ('model' in result) return { ...document, model: result.model }
  const [first] = result.blockedBy
  throw new MixbitError(
    'unsupported-scheme',
    `Integer activations need opset ${OLDEST_OPSET}, but ${first?.op ?? 'a node'} "${first?.node ?? ''}" cannot be raised: ${first?.reason ?? ''}. Use a weight precision such as int8.`,
    { opset: OLDEST_OPSET, node: first?.node ?? '' },
  )
}

function constantNames({ graph }: EditableDocument): ReadonlySet<string> {
  return new Set(graph.initializer.map(({ name }) => name))
}

/** Weights that a caller could replace become constants: what is stored as integers is fixed. */
function fixInputs({ graph }: EditableDocument): void {
  const floats = graph.initializer.filter(({ dataType }) => dataType === TensorProto_DataType.FLOAT)
  const fixed = new Set(floats.map(({ name }) => name))
  graph.input = graph.input.filter(({ name }) => !fixed.has(name))
}

/** Constant nodes that hold a tensor become initializers of the same name, but for outputs of the graph. */
export function liftConstants({ graph }: EditableDocument): void {
  const outputs = new Set(graph.output.map(({ name }) => name))
  graph.node = graph.node.filter((node) => {
    const tensor = node.opType === 'Constant' ? attributeOf(node, 'value')?.t : undefined
    const name = node.output[0] ?? ''
    const isLifted = tensor !== undefined && name !== '' && !outputs.has(name)
    if (!isLifted || !isStandard(node)) return true
    tensor.name = name
    graph.initializer.push(tensor)
    return false
  })
}

/** Identity, and Dropout that only passes on, where the value's name is not needed outside. */
function dropIdentities({ graph }: EditableDocument): void {
  const { isPinned } = graphView(graph)
  const sources = new Map<string, string>()
  const kept: NodeProto[] = []
  for (const node of graph.node) {
    node.input = node.input.map((name) => sources.get(name) ?? name)
    const [output = '', ...others] = node.output
    const isPassing = node.opType === 'Identity' || (node.opType === 'Dropout' && isInference(node))
    if (isPassing && isStandard(node) && others.length === 0 && !isPinned(output)) {
      sources.set(output, inputOf(node, 0))
    } else {
      kept.push(node)
    }
  }
  graph.node = kept
}

/** From opset 12 on, Dropout trains only where its third input says so. */
function isInference(node: NodeProto): boolean {
  return inputOf(node, 2) === ''
}

/** Reshape and matrix Transpose of float constants are done now. */
function foldConstantShapes(document: EditableDocument): void {
  const { graph } = document
  const { isPinned } = graphView(graph)
  graph.node = graph.node.filter((node) => {
    const output = node.output[0] ?? ''
    if (!isStandard(node) || node.output.length !== 1 || isPinned(output)) return true
    const folded = reshapedConstant(document, node)
    if (folded === undefined) return true
    addComputed(document, storedFloats(folded, output))
    return false
  })
}

function reshapedConstant(document: EditableDocument, node: NodeProto): Weight | undefined {
  const tensor = document.graph.initializer.find(({ name }) => name === inputOf(node, 0))
  if (tensor === undefined || tensor.dataType !== TensorProto_DataType.FLOAT) return undefined
  const stored = constantValues(document, tensor.name)
  if (stored === undefined) return undefined
  if (node.opType === 'Transpose' && stored.shape.length === 2) {
    const perm = attributeOf(node, 'perm')?.ints.map(Number) ?? [1, 0]
    return perm[0] === 1 ? swapFirstAxes(stored) : stored
  }
  if (node.opType !== 'Reshape' || attributeOf(node, 'allowzero') !== undefined) return undefined
  const target = document.graph.initializer.find(({ name }) => name === inputOf(node, 1))
  const wanted = target === undefined ? undefined : tensorNumbers(target)
  const shape = wanted === undefined ? undefined : shapeAsked(stored.shape, wanted)
  return shape === undefined ? undefined : reshaped(stored, shape)
}

/** The shape that Reshape gives: 0 copies a size, -1 is what is left. */
function shapeAsked(
  from: readonly number[],
  wanted: readonly number[],
): readonly number[] | undefined {
  const sizes = wanted.map((size, axis) => (size === 0 ? (from[axis] ?? 0) : size))
  const known = elementsOf(sizes.filter((size) => size !== -1))
  const shape = sizes.map((size) => (size === -1 ? elementsOf(from) / known : size))
  const isSound = shape.every((size) => Number.isInteger(size) && size > 0)
  return isSound && elementsOf(shape) === elementsOf(from) ? shape : undefined
}
