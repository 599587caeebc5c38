import type { Graph, Node } from '../../src/graph/graph.ts'
import { int, ints } from '../../src/graph/builder.ts'
import type { WeightRole } from '../../src/operators/weight-role.ts'
import type { Weight } from '../../src/tensor/weight.ts'
import type { Value } from './onnx.ts'
import { int64Value } from './onnx.ts'

/** A graph around one weight, and an input for which its output is the weight's values. */
export type OneWeightGraph = {
  readonly graph: Graph
  readonly inputs: Readonly<Record<string, Value>>
  /** Puts the output's values in the order of the weight. */
  readonly inWeightOrder: (output: Float32Array) => Float32Array
}

/** Linear: the identity matrix. Convolution: pictures of one kernel's size with a single 1. */
export function oneWeightGraph(
  role: Exclude<WeightRole, 'matrix' | 'vector' | 'other' | 'tied-embedding'>,
  weight: Weight,
): OneWeightGraph {
  switch (role) {
    case 'linear':
      return linearGraph(weight)
    case 'embedding':
      return gatherGraph(weight)
    case 'conv':
      return convGraph(weight, 1)
    case 'depthwise-conv':
      return convGraph(weight, weight.shape[0] ?? 1)
  }
}

function graphOf(
  weight: Weight,
  input: Graph['inputs'][number],
  rank: number,
  nodes: readonly Node[],
): Graph {
  const shape = Array.from({ length: rank }, (_, axis) => `d${axis}`)
  return {
    name: 'model',
    opset: 21,
    inputs: [input],
    outputs: [{ name: 'y', dtype: 'float32', shape }],
    nodes,
    weights: new Map([['w', { layer: 'model.w', component: 'model', weight }]]),
    constants: new Map(),
  }
}

const node = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Node['attributes'] = {},
): Node => ({ name: output, op, domain: '', inputs, outputs: [output], attributes })

function linearGraph(weight: Weight): OneWeightGraph {
  const [rows = 1, columns = 1] = weight.shape
  const data = new Float32Array(columns * columns)
  for (let at = 0; at < columns; at++) data[at * columns + at] = 1
  const nodes = [
    node('Transpose', ['w'], 't', { perm: ints([1, 0]) }),
    node('MatMul', ['x', 't'], 'y'),
  ]
  return {
    graph: graphOf(weight, { name: 'x', dtype: 'float32', shape: ['n', columns] }, 2, nodes),
    inputs: { x: { shape: [columns, columns], data } },
    inWeightOrder: (output) => transposed(output, columns, rows),
  }
}

function gatherGraph(weight: Weight): OneWeightGraph {
  const [rows = 1] = weight.shape
  const ids = Array.from({ length: rows }, (_, at) => at)
  const nodes = [node('Gather', ['w', 'ids'], 'y', { axis: int(0) })]
  return {
    graph: graphOf(weight, { name: 'ids', dtype: 'int64', shape: ['n'] }, 2, nodes),
    inputs: { ids: int64Value([rows], ids) },
    inWeightOrder: (output) => output,
  }
}

function convGraph(weight: Weight, group: number): OneWeightGraph {
  const [rows = 1, columns = 1, ...kernel] = weight.shape
  const places = kernel.reduce((product, size) => product * size, 1)
  const pictures = columns * places
  const channels = columns * group
  const data = new Float32Array(pictures * channels * places)
  for (let picture = 0; picture < pictures; picture++) {
    const place = picture % places
    // Every group sees the same picture.
    for (let g = 0; g < group; g++) {
      const channel = g * columns + Math.floor(picture / places)
      data[(picture * channels + channel) * places + place] = 1
    }
  }
  const nodes = [node('Conv', ['x', 'w'], 'y', { group: int(group) })]
  const shape = ['n', channels, ...kernel]
  return {
    graph: graphOf(weight, { name: 'x', dtype: 'float32', shape }, shape.length, nodes),
    inputs: { x: { shape: [pictures, channels, ...kernel], data } },
    inWeightOrder: (output) => transposed(output, pictures, rows),
  }
}

/** @param values - shape (rows, columns) */
function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = values[row * columns + column] ?? NaN
    }
  }
  return out
}
