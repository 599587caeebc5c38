import { describe, expect, test } from 'vitest'

import { instrument } from '../src/calibrate/instrument.ts'
import { int, ints } from '../src/graph/builder.ts'
import type { Graph } from '../src/graph/graph.ts'
import type { Call } from './helpers/graphs.ts'
import { graphOf } from './helpers/graphs.ts'
import { openSession } from './helpers/onnx.ts'
import { Tensor } from 'onnxruntime-node'

const perm = { perm: ints([1, 0]) }

/** Runs an instrumented graph on `x` and gives what each probe found. */
async function probe(graph: Graph, shape: readonly number[], x: readonly number[]) {
  const { graph: instrumented, probes } = instrument(graph)
  const session = await openSession(instrumented)
  const outputs = await session.run({ x: new Tensor('float32', Float32Array.from(x), shape) })
  await session.release()
  return probes.map(({ sum, count, layers }) => ({
    layers,
    sum: [...(outputs[sum]?.data ?? [])].map(Number),
    count: Number(outputs[count]?.data[0]),
  }))
}

/** A graph whose value types ONNX Runtime can check. */
function typed(
  calls: readonly Call[],
  weights: Readonly<Record<string, readonly number[]>>,
  rank: number,
): Graph {
  const graph = graphOf(calls, weights)
  const shape = Array.from({ length: rank }, (_, axis) => `d${axis}`)
  return {
    ...graph,
    inputs: graph.inputs.map((value) => ({ ...value, shape })),
    outputs: graph.outputs.map((value) => ({ ...value, shape })),
  }
}

test('the input of linear layers is squared and summed over all places, channel by channel', async () => {
  const calls: readonly Call[] = [
    ['Transpose', 'q', 'qt', perm],
    ['MatMul', 'x qt', 'a'],
    ['Transpose', 'k', 'kt', perm],
    ['MatMul', 'x kt', 'b'],
    ['Add', 'a b', 'y'],
  ]
  const graph = typed(calls, { q: [4, 2], k: [4, 2] }, 3)
  // Two samples of two places with two channels.
  const x = [1, 2, 3, 4, 5, 6, 7, -8]
  expect(await probe(graph, [2, 2, 2], x)).toEqual([
    { layers: ['model.q', 'model.k'], sum: [1 + 9 + 25 + 49, 4 + 16 + 36 + 64], count: 4 },
  ])
})

test('the input of a convolution is summed over pictures and places', async () => {
  const graph = typed([['Conv', 'x w', 'y']], { w: [3, 2, 1, 1] }, 4)
  // Shape (1, 2, 2, 1): channel 0 has 1 and 2, channel 1 has 3 and 4.
  expect(await probe(graph, [1, 2, 2, 1], [1, 2, 3, 4])).toEqual([
    { layers: ['model.w'], sum: [5, 25], count: 2 },
  ])
})

test('a value that is read by rows and by channels has a probe for each', async () => {
  const calls: readonly Call[] = [
    ['Conv', 'x c', 'u'],
    ['Transpose', 'w', 'wt', perm],
    ['MatMul', 'x wt', 'v'],
    ['Add', 'u v', 'y'],
  ]
  const graph = typed(calls, { c: [2, 2, 1, 1], w: [2, 2] }, 4)
  // Shape (1, 2, 1, 2): channels are the rows 1 2 and 3 4; the last axis has 1 3 and 2 4.
  expect(await probe(graph, [1, 2, 1, 2], [1, 2, 3, 4])).toEqual([
    { layers: ['model.c'], sum: [5, 25], count: 2 },
    { layers: ['model.w'], sum: [10, 20], count: 2 },
  ])
})

describe('what has no such statistics has no probe', () => {
  test.for<{
    readonly what: string
    readonly calls: readonly Call[]
    readonly shape: readonly number[]
  }>([
    { what: 'a lookup', calls: [['Gather', 'w x', 'y']], shape: [4, 2] },
    {
      what: 'a depthwise filter',
      calls: [['Conv', 'x w', 'y', { group: int(4) }]],
      shape: [4, 1, 3, 3],
    },
    { what: 'a matrix with inputs first', calls: [['MatMul', 'x w', 'y']], shape: [4, 2] },
    { what: 'a bias', calls: [['Add', 'x w', 'y']], shape: [4] },
  ])('$what', ({ calls, shape }) => {
    const graph = graphOf(calls, { w: shape })
    expect(instrument(graph)).toEqual({ graph, probes: [] })
  })
})

test('the instrumented graph computes what the plain one does, and more', () => {
  const graph = graphOf([['Conv', 'x w', 'y']], { w: [3, 2, 1, 1] })
  const { graph: instrumented } = instrument(graph)
  expect(instrumented.nodes.slice(0, graph.nodes.length)).toEqual(graph.nodes)
  expect(instrumented.outputs.slice(0, 1)).toEqual(graph.outputs)
  expect(instrumented.weights).toBe(graph.weights)
})
