import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { floatToBfloat16, floatToHalf } from '../tensor/float16.ts'
import type { DType } from '../tensor/dtype.ts'
import type { Weight } from '../tensor/weight.ts'
import { scalarKernels } from './scalar.ts'
import type { ValueChunk } from './value-chunk.ts'
import { chunkValues, valueChunks } from './value-chunk.ts'

/** A weight that only tells which rows it was asked for. */
function rowsOnly(shape: readonly number[], asked: [number, number][]): Weight {
  return {
    name: 'w',
    dtype: 'float32',
    shape,
    readRows: (start, end) => {
      asked.push([start, end])
      return Promise.resolve(new Float32Array(0))
    },
  }
}

async function rowsAsked(
  shape: readonly number[],
  whole: 'whole' | 'split',
): Promise<readonly [number, number][]> {
  const asked: [number, number][] = []
  for await (const chunk of valueChunks(rowsOnly(shape, asked), whole)) {
    expect(chunk.rows).toBe((asked.at(-1)?.[1] ?? 0) - (asked.at(-1)?.[0] ?? 0))
  }
  return asked
}

describe('chunks', () => {
  test.for([
    // 2^21 values are 2048 rows of 1024.
    {
      shape: [5000, 1024],
      rows: [
        [0, 2048],
        [2048, 4096],
        [4096, 5000],
      ],
    },
    // 699 rows of 3000 would fit: less, so that no four 2-bit codes share a byte across chunks.
    {
      shape: [700, 3000],
      rows: [
        [0, 696],
        [696, 700],
      ],
    },
    {
      shape: [5, 2 ** 22],
      rows: [
        [0, 4],
        [4, 5],
      ],
    },
    { shape: [7], rows: [[0, 7]] },
    { shape: [], rows: [[0, 1]] },
  ])('of $shape are the rows $rows', async ({ shape, rows }) => {
    expect(await rowsAsked(shape, 'split')).toEqual(rows)
  })

  test('a weight whose scale covers everything is one chunk', async () => {
    expect(await rowsAsked([5000, 1024], 'whole')).toEqual([[0, 5000]])
  })

  test('cover every row once, and all but the last have a multiple of four', async () => {
    const size = fc.integer({ min: 1, max: 2 ** 22 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3000 }), size, async (rows, columns) => {
        const asked = await rowsAsked([rows, columns], 'split')
        expect(asked[0]?.[0]).toBe(0)
        expect(asked.at(-1)?.[1]).toBe(rows)
        for (const [at, [start, end]] of asked.slice(0, -1).entries()) {
          expect((end - start) % 4).toBe(0)
          expect(asked[at + 1]?.[0]).toBe(end)
        }
      }),
    )
  })
})

describe('values of a chunk', () => {
  const values = [0.5, -2, 3.25]
  const chunk = (dtype: DType, bytes: Uint8Array): ValueChunk => ({
    rows: 1,
    columns: 3,
    dtype,
    stored: bytes,
    values: null,
  })
  const bytesOf = (array: Float32Array | Uint16Array): Uint8Array => new Uint8Array(array.buffer)

  test.for([
    { dtype: 'float32', bytes: bytesOf(Float32Array.from(values)) },
    { dtype: 'float16', bytes: bytesOf(Uint16Array.from(values, floatToHalf)) },
    { dtype: 'bfloat16', bytes: bytesOf(Uint16Array.from(values, floatToBfloat16)) },
  ] as const)('$dtype, at any address', ({ dtype, bytes }) => {
    for (const shift of [0, 1, 2, 3]) {
      const moved = new Uint8Array(bytes.length + shift)
      moved.set(bytes, shift)
      const found = chunkValues(scalarKernels, chunk(dtype, moved.subarray(shift)))
      expect([...found]).toEqual(values)
    }
  })

  test('computed ones are taken as they are', () => {
    const computed = { ...chunk('float16', new Uint8Array(0)), stored: null }
    const own = Float32Array.from(values)
    expect(chunkValues(scalarKernels, { ...computed, values: own })).toBe(own)
  })

  test('of a dtype that is no float are refused', () => {
    expect(() => chunkValues(scalarKernels, chunk('int32', new Uint8Array(12)))).toThrow(
      expect.objectContaining({ code: 'unsupported-dtype' }),
    )
  })
})
