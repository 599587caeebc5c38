import fc from 'fast-check'
import { expect, test } from 'vitest'
import { elementsOf } from '../tensor/weight.ts'
import { permuteAxes } from './permute-axes.ts'

// By hand, as numpy.transpose(numpy.arange(...).reshape(shape), order).
test.for([
  { shape: [2, 3], order: [1, 0], values: [0, 3, 1, 4, 2, 5] },
  { shape: [2, 3], order: [0, 1], values: [0, 1, 2, 3, 4, 5] },
  { shape: [2, 2, 2], order: [1, 0, 2], values: [0, 1, 4, 5, 2, 3, 6, 7] },
  { shape: [1, 3, 1], order: [2, 1, 0], values: [0, 1, 2] },
  { shape: [], order: [], values: [0] },
  { shape: [0, 2], order: [1, 0], values: [] },
])('axes $order of $shape', ({ shape, order, values }) => {
  const out = new Float32Array(values.length)
  permuteAxes(
    out,
    Float32Array.from({ length: values.length }, (_, i) => i),
    shape,
    order,
  )
  expect([...out]).toEqual(values)
})

test('each value lies where its coordinates say', () => {
  const sizes = fc.array(fc.constantFrom(1, 2, 3, 5, 33), { maxLength: 4 })
  fc.assert(
    fc.property(sizes, fc.infiniteStream(fc.nat()), (shape, keys) => {
      const order = shape.map((_, axis) => axis)
      const key = order.map(() => keys.next().value)
      order.sort((a, b) => (key[a] ?? 0) - (key[b] ?? 0) || a - b)
      const count = elementsOf(shape)
      const x = Float32Array.from({ length: count }, (_, i) => i)
      const out = new Float32Array(count)
      permuteAxes(out, x, shape, order)
      const moved = order.map((axis) => shape[axis] ?? 1)
      for (let i = 0; i < count; i++) {
        const at = coordinates(i, moved)
        const source = shape.map((_, axis) => at[order.indexOf(axis)] ?? 0)
        expect(out[i]).toBe(source.reduce((index, c, axis) => index * (shape[axis] ?? 1) + c, 0))
      }
    }),
    { numRuns: 30 },
  )
})

test('axes that are no permutation, and arrays that do not fit, are refused', () => {
  const x = new Uint8Array(6)
  expect(() => permuteAxes(new Uint8Array(6), x, [2, 3], [0, 0])).toThrow(TypeError)
  expect(() => permuteAxes(new Uint8Array(5), x, [2, 3], [1, 0])).toThrow(TypeError)
  expect(() => permuteAxes(new Uint8Array(6), x, [2, 2], [1, 0])).toThrow(TypeError)
})

function coordinates(index: number, shape: readonly number[]): readonly number[] {
  let rest = index
  return shape
    .toReversed()
    .map((size) => {
      const coordinate = rest % size
      rest = Math.floor(rest / size)
      return coordinate
    })
    .toReversed()
}
