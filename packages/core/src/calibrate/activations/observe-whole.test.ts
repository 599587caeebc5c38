import { expect, test } from 'vitest'

import { functionSession } from '../../../test/helpers/vqa-model.ts'
import type { NamedTensors } from '../../base/host.ts'
import { scalarKernels } from '../../kernels/scalar.ts'
import { observeWhole } from './observe-whole.ts'
import { emptySeenValues } from './seen-values.ts'

const tensor = (data: Float32Array) =>
  ({ dtype: 'float32', shape: [1, data.length], data }) as const

/** A session that gives values of these sizes; what it was asked for, and what it gave. */
function givingSession(sizes: readonly number[]) {
  const asked: (readonly string[])[] = []
  const given: Float32Array[] = []
  const run = (_: NamedTensors, outputs: readonly string[] = []): Promise<NamedTensors> => {
    const arrays = outputs.map((name) => new Float32Array(sizes[Number(name)] ?? 0).fill(2))
    asked.push(outputs)
    given.push(...arrays)
    const entries = arrays.map((x, at) => [outputs[at] ?? '', tensor(x)] as const)
    return Promise.resolve(Object.fromEntries(entries))
  }
  return { ...functionSession([], () => ({})), run, asked, given }
}

const named = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ name: String(at), channels: null }))

test('values come in runs of a bounded size, as soon as their sizes are known', async () => {
  const count = 300
  const session = givingSession(Array.from({ length: count }, () => 10))
  const seen = emptySeenValues(count, 'ends')
  const sample = { session, feeds: {}, values: named(count), sizes: new Float64Array(count) }
  await observeWhole(seen, 'ends', sample, scalarKernels)
  await observeWhole(seen, 'ends', sample, scalarKernels)
  expect(session.asked.map(({ length }) => length)).toEqual([256, 44, 300])
  expect(seen.states.every(({ histogram }) => histogram.finite === 20)).toBe(true)
  sample.sizes.fill(2 ** 23)
  await observeWhole(seen, 'ends', sample, scalarKernels)
  expect(session.asked[3]).toEqual(['0', '1', '2', '3'])
})

test('a value larger than a run is a run of its own', async () => {
  const session = givingSession([1, 1, 1])
  const sizes = Float64Array.of(5, 2 ** 26, 5)
  const sample = { session, feeds: {}, values: named(3), sizes }
  await observeWhole(emptySeenValues(3, 'histogram'), 'histogram', sample, scalarKernels)
  expect(session.asked).toEqual([['0'], ['1'], ['2']])
})

test('the memory of what a run gave is free afterwards, that of the feeds is not', async () => {
  const session = givingSession([6])
  const feed = new Float32Array(4).fill(1)
  const values = [...named(1), { name: 'x', channels: 'last' } as const]
  const seen = emptySeenValues(2, 'histogram')
  const sample = { session, feeds: { x: tensor(feed) }, values, sizes: new Float64Array(2) }
  await observeWhole(seen, 'histogram', sample, scalarKernels)
  expect(session.given.map(({ length }) => length)).toEqual([0])
  expect(seen.states.map(({ histogram }) => histogram.max)).toEqual([2, 1])
  expect(seen.channels[1]).toEqual({ sums: Float64Array.of(1, 1, 1, 1), count: 1 })
  expect(feed).toHaveLength(4)
})
