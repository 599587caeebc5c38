import { expect, test } from 'vitest'
import type { RuntimeTensor } from '../base/host.ts'
import { castTensor, toFloat32 } from './cast-tensor.ts'

const bytes = (...values: readonly number[]): RuntimeTensor => ({
  dtype: 'uint8',
  shape: [values.length],
  data: Uint8Array.from(values),
})
const floats = (...values: readonly number[]): RuntimeTensor => ({
  dtype: 'float32',
  shape: [values.length],
  data: Float32Array.from(values),
})

test('a tensor that has the dtype is returned as it is', () => {
  const tensor = floats(1.5)
  expect(castTensor(tensor, 'float32', 'x')).toBe(tensor)
})

test.for([
  { dtype: 'float32', data: Float32Array.of(0, 255) },
  { dtype: 'float16', data: Uint16Array.of(0, 0x5bf8) },
  { dtype: 'int64', data: BigInt64Array.of(0n, 255n) },
  { dtype: 'int32', data: Int32Array.of(0, 255) },
])('bytes become $dtype', ({ dtype, data }) => {
  expect(castTensor(bytes(0, 255), dtype, 'x')).toEqual({ dtype, shape: [2], data })
})

test('half floats become floats', () => {
  const half: RuntimeTensor = { dtype: 'float16', shape: [1], data: Uint16Array.of(0x3c00) }
  expect(toFloat32(half)).toEqual(Float32Array.of(1))
  expect(castTensor(half, 'int32', 'x').data).toEqual(Int32Array.of(1))
})

test.for([
  { name: 'a fraction', tensor: floats(0.5), dtype: 'int32' },
  { name: 'NaN', tensor: floats(Number.NaN), dtype: 'uint8' },
  { name: 'a value beyond the range', tensor: bytes(128), dtype: 'int8' },
  { name: 'a negative', tensor: floats(-1), dtype: 'uint8' },
  { name: 'a truth of 2', tensor: bytes(2), dtype: 'bool' },
  { name: 'a dtype that is not known', tensor: bytes(1), dtype: 'string' },
])('$name does not become $dtype', ({ tensor, dtype }) => {
  expect(() => castTensor(tensor, dtype, 'x')).toThrow(
    expect.objectContaining({ code: 'unsupported-dtype' }),
  )
})

test('pictures may be rounded, to even', () => {
  const cast = castTensor(floats(0.5, 1.5, 254.6), 'uint8', 'x', 'nearest')
  expect(cast.data).toEqual(Uint8Array.of(0, 2, 255))
})
