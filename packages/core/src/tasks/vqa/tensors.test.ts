import { expect, test } from 'vitest'
import { floatData, int64Row, largestPosition } from './tensors.ts'

test.for([
  { name: 'the largest', values: [1, 3, 2], out: 1 },
  { name: 'the lowest of equal ones', values: [1, 3, 3], out: 1 },
  { name: 'NaN is passed over', values: [Number.NaN, 1, Number.NaN, 2], out: 3 },
  { name: 'minus infinity is a value', values: [Number.NaN, -Infinity], out: 1 },
  { name: 'infinity is the largest', values: [1, Infinity, 2], out: 1 },
  { name: 'only NaN', values: [Number.NaN], out: -1 },
  { name: 'nothing', values: [], out: -1 },
])('largestPosition: $name', ({ values, out }) => {
  expect(largestPosition(Float32Array.from(values))).toBe(out)
})

test('int64Row is one row', () => {
  expect(int64Row([5, 7])).toEqual({
    dtype: 'int64',
    shape: [1, 2],
    data: BigInt64Array.of(5n, 7n),
  })
})

test('floatData takes float32 only', () => {
  const half = { dtype: 'float16', shape: [1], data: new Uint16Array(1) } as const
  expect(() => floatData(half, 'x')).toThrow(expect.objectContaining({ code: 'unsupported-dtype' }))
  expect(() => floatData(undefined, 'x')).toThrow(
    expect.objectContaining({ code: 'unsupported-model' }),
  )
})
