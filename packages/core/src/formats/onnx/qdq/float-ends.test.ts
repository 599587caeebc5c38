import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import type { NamedTensors, Session } from '../../../base/host.ts'
import { withFloatEnds } from './float-ends.ts'

/** A session whose only node passes codes on, and that keeps what it was fed. */
function passing(dtype: 'uint8' | 'int8') {
  const fed: NamedTensors[] = []
  const session: Session = {
    inputs: [
      { name: 'x', dtype, shape: [3] },
      { name: 'n', dtype: 'int64', shape: [1] },
    ],
    outputs: [{ name: 'y', dtype, shape: [3] }],
    run: (feeds) => {
      fed.push(feeds)
      const { x } = feeds
      return Promise.resolve(x === undefined ? {} : { y: x })
    },
    release: () => Promise.resolve(),
  }
  return { session, fed }
}

const floatTensor = (values: readonly number[]) =>
  ({ dtype: 'float32', shape: [values.length], data: Float32Array.from(values) }) as const

const count = { dtype: 'int64', shape: [1], data: BigInt64Array.of(7n) } as const

test('values go in as codes and come out as what codes stand for', async () => {
  const { session, fed } = passing('uint8')
  const io = {
    inputs: [{ name: 'x', dtype: 'uint8', scale: 0.5, zeroPoint: 10 }],
    outputs: [{ name: 'y', dtype: 'uint8', scale: 0.25, zeroPoint: 4 }],
  } as const
  const float = withFloatEnds(session, io)
  expect(float.inputs.map(({ dtype }) => dtype)).toEqual(['float32', 'int64'])
  expect(float.outputs.map(({ dtype }) => dtype)).toEqual(['float32'])
  // Halves go to even codes; what is beyond the codes becomes the nearest.
  const x = floatTensor([0, 0.25, 0.75, -100, 1e9, NaN])
  const results = await float.run({ x, n: count })
  expect(fed[0]?.['x']?.data).toEqual(Uint8Array.of(10, 10, 12, 0, 255, 0))
  expect(fed[0]?.['n']).toBe(count)
  expect(results['y']).toEqual(floatTensor([1.5, 1.5, 2, -1, 62.75, -1]))
})

test('codes that are given go in as they are', async () => {
  const { session, fed } = passing('int8')
  const io = {
    inputs: [{ name: 'x', dtype: 'int8', scale: 1, zeroPoint: 0 }],
    outputs: [],
  } as const
  const x = { dtype: 'int8', shape: [2], data: Int8Array.of(-128, 3) } as const
  await withFloatEnds(session, io).run({ x })
  expect(fed[0]?.['x']).toBe(x)
})

test('what the model does not have as stated stays as it is', async () => {
  const { session, fed } = passing('int8')
  const io = {
    inputs: [{ name: 'x', dtype: 'uint8', scale: 1, zeroPoint: 0 }],
    outputs: [],
  } as const
  const float = withFloatEnds(session, io)
  expect(float.inputs).toEqual(session.inputs)
  const x = floatTensor([1])
  await float.run({ x })
  expect(fed[0]?.['x']).toBe(x)
})

test('a value inside the codes comes back to within half a step', () =>
  fc.assert(
    fc.asyncProperty(
      fc.constantFrom('uint8' as const, 'int8' as const),
      fc.float({ min: Math.fround(1e-3), max: 100, noNaN: true }),
      fc.integer({ min: 0, max: 127 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }),
      async (dtype, scale, zeroPoint, shares) => {
        const lowest = dtype === 'uint8' ? 0 : -128
        const end = { dtype, scale, zeroPoint }
        const { session } = passing(dtype)
        const io = { inputs: [{ name: 'x', ...end }], outputs: [{ name: 'y', ...end }] }
        const values = shares.map((share) => (lowest - zeroPoint + 255 * share) * scale)
        const { y } = await withFloatEnds(session, io).run({ x: floatTensor(values) })
        for (const [at, value] of values.entries()) {
          expect(Math.abs(Number(y?.data[at]) - value)).toBeLessThanOrEqual(scale * 0.5001)
        }
      },
    ),
  ))
