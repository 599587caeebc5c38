import { Tensor } from 'onnxruntime-node'
import { expect, test } from 'vitest'

import { onnxNode } from '../src/formats/onnx/nodes.ts'
import type { Attribute } from '../src/graph/graph.ts'
import { weightUsesOf, type WeightUse } from '../src/operators/weighted-operators.ts'
import { buildModel, difference, int64s, random, run } from './helpers/opset.ts'

type Case = {
  readonly name: string
  readonly op: string
  readonly attributes?: Readonly<Record<string, Attribute>>
  readonly inputs: readonly Tensor[]
  /** Indices of the inputs that are weights. */
  readonly weights: readonly number[]
}

const int = (value: number): Attribute => ({ kind: 'int', value })

const CASES: readonly Case[] = [
  {
    name: 'Conv',
    op: 'Conv',
    inputs: [random([1, 3, 5, 5]), random([4, 3, 2, 2], 2)],
    weights: [1],
  },
  {
    name: 'ConvTranspose',
    op: 'ConvTranspose',
    inputs: [random([1, 3, 4, 4]), random([3, 5, 2, 2], 2)],
    weights: [1],
  },
  { name: 'MatMul', op: 'MatMul', inputs: [random([2, 4, 3]), random([3, 5], 2)], weights: [1] },
  {
    name: 'MatMul, weight first',
    op: 'MatMul',
    inputs: [random([4, 3]), random([2, 3, 5], 2)],
    weights: [0],
  },
  ...[0, 1].flatMap((transA) =>
    [0, 1].flatMap((transB) =>
      [0, 1].map((weight): Case => ({
        name: `Gemm ${transA} ${transB}, weight ${weight}`,
        op: 'Gemm',
        attributes: { transA: int(transA), transB: int(transB) },
        inputs: [random(transA === 1 ? [3, 4] : [4, 3]), random(transB === 1 ? [5, 3] : [3, 5], 2)],
        weights: [weight],
      })),
    ),
  ),
  {
    name: 'LSTM',
    op: 'LSTM',
    attributes: { hidden_size: int(4) },
    inputs: [random([2, 3, 5]), random([1, 16, 5], 2), random([1, 16, 4], 3)],
    weights: [1, 2],
  },
]

const output = async (each: Case, inputs: readonly Tensor[]): Promise<Tensor | undefined> => {
  const named = Object.fromEntries(inputs.map((tensor, i) => [`i${i}`, tensor]))
  const { op, attributes = {} } = each
  const node = onnxNode({ op, name: 'n', inputs: Object.keys(named), outputs: ['y'], attributes })
  return (await run(buildModel({ opset: 17, inputs: named, nodes: [node] }), named)).get('y')
}

/** Doubles one slice of a tensor; exact in float32. */
function doubled(tensor: Tensor, axis: number, index: number): Tensor {
  const at = axis < 0 ? axis + tensor.dims.length : axis
  const inner = tensor.dims.slice(at + 1).reduce((product, dim) => product * dim, 1)
  const size = tensor.dims[at] ?? 1
  const values = Float32Array.from({ length: tensor.size }, (_, i) => {
    const value = Number(tensor.data[i])
    return Math.floor(i / inner) % size === index ? 2 * value : value
  })
  return new Tensor('float32', values, tensor.dims)
}

const usesOf = ({ op, attributes = {}, inputs, weights }: Case): readonly WeightUse[] =>
  weightUsesOf({
    op,
    domain: '',
    attribute: (name) => {
      const attribute = attributes[name]
      return attribute?.kind === 'int' ? attribute.value : undefined
    },
    weightRank: (input) => (weights.includes(input) ? inputs[input]?.dims.length : undefined),
  })

const withInput = (each: Case, index: number, tensor: Tensor): readonly Tensor[] =>
  each.inputs.map((old, i) => (i === index ? tensor : old))

test.for(CASES)('$name: an input channel of the weight is one of the activation', async (each) => {
  const uses = usesOf(each)
  expect(uses.map(({ input }) => input)).toEqual(each.weights)
  for (const use of uses) {
    const { input, inputAxis, activation, activationAxis } = use
    const weight = each.inputs[input]
    const values = activation === null ? undefined : each.inputs[activation]
    if (weight === undefined || values === undefined || activation === null) continue
    for (let channel = 0; channel < (weight.dims[inputAxis] ?? 0); channel++) {
      const a = await output(each, withInput(each, input, doubled(weight, inputAxis, channel)))
      const b = await output(
        each,
        withInput(each, activation, doubled(values, activationAxis, channel)),
      )
      expect(difference(a, b)).toBe(0)
    }
  }
})

test.for(CASES.filter(({ op }) => op !== 'LSTM'))(
  '$name: an output channel of the weight is one of the result',
  async (each) => {
    const before = await output(each, each.inputs)
    for (const { input, outputAxis } of usesOf(each)) {
      const weight = each.inputs[input] ?? random([0])
      const after = await output(each, withInput(each, input, doubled(weight, outputAxis, 0)))
      const changed = [...(after?.data ?? [])].filter((v, i) => v !== before?.data[i]).length
      expect(changed).toBe((before?.size ?? 0) / (weight.dims[outputAxis] ?? 1))
    }
  },
)

test.for([0, 1])('a Gather along axis %i looks up slices of that axis', async (axis) => {
  const table = random([4, 6])
  const each: Case = {
    name: '',
    op: 'Gather',
    attributes: { axis: int(axis) },
    inputs: [table, int64s([3])],
    weights: [0],
  }
  const [use] = usesOf(each)
  const row = await output(each, each.inputs)
  const changed = await output(each, withInput(each, 0, doubled(table, use?.outputAxis ?? 9, 3)))
  const same = await output(each, withInput(each, 0, doubled(table, use?.outputAxis ?? 9, 2)))
  expect(difference(row, same)).toBe(0)
  expect([...(changed?.data ?? [])]).toEqual([...(row?.data ?? [])].map((v) => 2 * Number(v)))
})
