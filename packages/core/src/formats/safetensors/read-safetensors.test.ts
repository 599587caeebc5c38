import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  fileWithHeader,
  float32Tensor,
  safetensorsFile,
  type StoredTensor,
} from '../../../test/helpers/safetensors.ts'
import { memorySource } from '../../base/bytes.ts'
import { MixbitError } from '../../base/error.ts'
import type { Weight } from '../../tensor/weight.ts'
import { readSafetensors } from './read-safetensors.ts'

const read = (file: Uint8Array): Promise<ReadonlyMap<string, Weight>> =>
  readSafetensors(memorySource('test.safetensors', file))

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

const codeOf = async (file: Uint8Array): Promise<unknown> => {
  const error = await errorOf(read(file))
  return error instanceof MixbitError ? error.code : error
}

const halves = (
  dtype: string,
  shape: readonly number[],
  bits: readonly number[],
): StoredTensor => ({
  dtype,
  shape,
  bytes: new Uint8Array(new Uint16Array(bits).buffer),
})

const header = (tensors: unknown): string => JSON.stringify(tensors)

describe('values', () => {
  // By hand from IEEE 754 binary16 and from bfloat16 being the upper half of binary32.
  test.for([
    { name: 'F32', tensor: float32Tensor([2], [1.5, -0]), values: [1.5, -0] },
    {
      name: 'F16 with a subnormal and infinity',
      tensor: halves('F16', [4], [0x3c00, 0x0001, 0xfc00, 0x7bff]),
      values: [1, 2 ** -24, -Infinity, 65504],
    },
    {
      name: 'BF16',
      tensor: halves('BF16', [3], [0x3f80, 0xc000, 0x7f80]),
      values: [1, -2, Infinity],
    },
  ])('$name is read exactly', async ({ tensor, values }) => {
    const weights = await read(safetensorsFile({ w: tensor }))
    const weight = weights.get('w')
    expect([...((await weight?.readRows(0, values.length)) ?? [])]).toEqual(values)
    expect(await weight?.readStoredRows?.(0, values.length)).toEqual(tensor.bytes)
  })

  test('rows are read from the middle of a file at any alignment', async () => {
    const weights = await read(
      safetensorsFile({
        flag: { dtype: 'BOOL', shape: [1], bytes: new Uint8Array([1]) },
        w: float32Tensor([3, 2], [1, 2, 3, 4, 5, 6]),
      }),
    )
    expect([...((await weights.get('w')?.readRows(1, 3)) ?? [])]).toEqual([3, 4, 5, 6])
    expect(weights.get('flag')?.dtype).toBe('bool')
  })

  test('a tensor of rank 0 has one row', async () => {
    const weights = await read(safetensorsFile({ w: float32Tensor([], [7]) }))
    expect([...((await weights.get('w')?.readRows(0, 1)) ?? [])]).toEqual([7])
  })

  test('integers are listed; their values cannot be read as floats', async () => {
    const bytes = new Uint8Array(new BigInt64Array([5n]).buffer)
    const weights = await read(safetensorsFile({ n: { dtype: 'I64', shape: [], bytes } }))
    const weight = weights.get('n')
    expect(await weight?.readStoredRows?.(0, 1)).toEqual(bytes)
    expect(await errorOf(weight?.readRows(0, 1) ?? Promise.resolve())).toMatchObject({
      code: 'unsupported-dtype',
    })
  })

  test('a name from the prototype of objects is a plain name', async () => {
    const file = fileWithHeader(
      '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      new Uint8Array(4),
    )
    expect([...(await read(file)).keys()]).toEqual(['__proto__'])
  })

  test('rows outside the tensor are a mistake of the caller', async () => {
    const weights = await read(safetensorsFile({ w: float32Tensor([2], [1, 2]) }))
    expect(await errorOf(weights.get('w')?.readRows(1, 3) ?? Promise.resolve())).toBeInstanceOf(
      TypeError,
    )
  })
})

describe('broken files', () => {
  const entry = { dtype: 'F32', shape: [1], data_offsets: [0, 4] }
  const four = new Uint8Array(4)

  test.for([
    { name: 'an empty file', file: new Uint8Array(0), code: 'truncated' },
    { name: 'a file that ends in its length', file: new Uint8Array(7), code: 'truncated' },
    {
      name: 'a header beyond the end',
      file: fileWithHeader('{}', four).subarray(0, 9),
      code: 'truncated',
    },
    { name: 'a length of 2^64 - 1', file: new Uint8Array(16).fill(255), code: 'limit-exceeded' },
    { name: 'a header that is no JSON', file: fileWithHeader('{"a":', four), code: 'malformed' },
    { name: 'a header that is a list', file: fileWithHeader('[]', four), code: 'malformed' },
    {
      name: 'a header that is no UTF-8',
      file: fileWithHeader('{"\ud800x":1}', four).fill(0xff, 10, 13),
      code: 'malformed',
    },
    {
      name: 'data beyond the end',
      file: fileWithHeader(header({ a: entry }), four.subarray(1)),
      code: 'truncated',
    },
    {
      name: 'bytes after the last tensor',
      file: fileWithHeader(header({ a: entry }), new Uint8Array(5)),
      code: 'malformed',
    },
    {
      name: 'a tensor that is no object',
      file: fileWithHeader(header({ a: 1 }), four),
      code: 'malformed',
    },
    {
      name: 'an unknown dtype',
      file: fileWithHeader(header({ a: { ...entry, dtype: 'F8_E4M3' } }), four),
      code: 'unsupported-dtype',
    },
    {
      name: 'a dtype from the prototype',
      file: fileWithHeader(header({ a: { ...entry, dtype: 'constructor' } }), four),
      code: 'unsupported-dtype',
    },
    {
      name: 'no shape',
      file: fileWithHeader(header({ a: { ...entry, shape: undefined } }), four),
      code: 'malformed',
    },
    {
      name: 'a negative size',
      file: fileWithHeader(header({ a: { ...entry, shape: [-1] } }), four),
      code: 'malformed',
    },
    {
      name: 'a size that is not exact',
      file: fileWithHeader(header({ a: { ...entry, shape: [2 ** 60] } }), four),
      code: 'malformed',
    },
    {
      name: 'a shape too large for its bytes',
      file: fileWithHeader(header({ a: { ...entry, shape: [2 ** 52, 2 ** 52] } }), four),
      code: 'malformed',
    },
    {
      name: 'nine axes',
      file: fileWithHeader(header({ a: { ...entry, shape: Array(9).fill(1) } }), four),
      code: 'limit-exceeded',
    },
    {
      name: 'offsets that run backwards',
      file: fileWithHeader(header({ a: { ...entry, data_offsets: [4, 0] } }), four),
      code: 'malformed',
    },
    {
      name: 'three offsets',
      file: fileWithHeader(header({ a: { ...entry, data_offsets: [0, 4, 4] } }), four),
      code: 'malformed',
    },
    {
      name: 'tensors that overlap',
      file: fileWithHeader(header({ a: entry, b: entry }), four),
      code: 'malformed',
    },
    {
      name: 'a gap',
      file: fileWithHeader(header({ a: { ...entry, data_offsets: [4, 8] } }), new Uint8Array(8)),
      code: 'malformed',
    },
    {
      name: 'a name twice',
      file: fileWithHeader(`{"a":${header(entry)},"a":${header(entry)}}`, four),
      code: 'malformed',
    },
    {
      name: 'a name twice, written differently',
      file: fileWithHeader(`{"a":${header(entry)},"\\u0061":${header(entry)}}`, four),
      code: 'malformed',
    },
  ])('$name gives $code', async ({ file, code }) => {
    expect(await codeOf(file)).toBe(code)
  })

  test('a file cut anywhere is truncated, never misread', async () => {
    const file = safetensorsFile({
      a: float32Tensor([2, 2], [1, 2, 3, 4]),
      b: halves('F16', [3], [1, 2, 3]),
    })
    for (let length = 0; length < file.length; length++) {
      expect(await codeOf(file.slice(0, length)), `${length} bytes`).toBe('truncated')
    }
  })

  test('5,000 mutated files are read or refused with a code', async () => {
    const file = safetensorsFile({
      'model.a': float32Tensor([2, 2], [1, 2, 3, 4]),
      'model.b': halves('BF16', [3], [1, 2, 3]),
      n: { dtype: 'I64', shape: [], bytes: new Uint8Array(8) },
    })
    const mutation = fc.record({
      at: fc.nat({ max: file.length - 1 }),
      value: fc.nat({ max: 255 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
        const mutated = file.slice()
        for (const { at, value } of mutations) mutated[at] = value
        const outcome = await read(mutated).catch((error: unknown) => error)
        if (outcome instanceof MixbitError) return
        if (!(outcome instanceof Map)) throw outcome
        for (const weight of outcome.values()) {
          const rows = weight.shape[0] ?? 1
          const bytes: Uint8Array = await weight.readStoredRows(0, rows)
          expect(bytes.length).toBeLessThanOrEqual(file.length)
        }
      }),
      { numRuns: 5_000, seed: 1 },
    )
  })
})
