import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { floatToBfloat16, floatToHalf } from '../tensor/float16.ts'
import type { DType } from '../tensor/dtype.ts'
import type { Weight } from '../tensor/weight.ts'
import { scalarKernels } from './scalar.ts'
import type { ValueChunk } from './value-chunk.ts'
import { chunkValues, loadedChunk, placedChunks, valueChunks } from './value-chunk.ts'

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

describe('chunks that workers read', () => {
  const bytes = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer)
  const stored: Weight = {
    ...rowsOnly([3, 2], []),
    readStoredRows: (start, end) => Promise.resolve(bytes.subarray(8 * start, 8 * end)),
  }
  const regionOfRows = (start: number, end: number) => ({
    file: 'a.bin',
    descriptor: 7,
    offset: 100 + 8 * start,
    length: 8 * (end - start),
  })

  async function chunksOf(weight: Weight): Promise<readonly ValueChunk[]> {
    const chunks: ValueChunk[] = []
    for await (const chunk of placedChunks(weight, 2)) chunks.push(chunk)
    return chunks
  }

  test('say where their bytes lie, and get them there', async () => {
    const placed = await chunksOf({ ...stored, regionOfRows })
    expect(placed.map(({ rows, stored: held, region }) => [rows, held, region?.offset])).toEqual([
      [2, null, 100],
      [1, null, 116],
    ])
    const readRegion = ({ descriptor, offset, length }: { [Key in string]: unknown }) => {
      expect(descriptor).toBe(7)
      return bytes.subarray(Number(offset) - 100, Number(offset) - 100 + Number(length))
    }
    const loaded = placed.map((chunk) => loadedChunk(chunk, { readRegion }))
    expect(loaded).toEqual(await chunksOf(stored))
    expect(loaded.flatMap((chunk) => [...chunkValues(scalarKernels, chunk)])).toEqual([
      1, 2, 3, 4, 5, 6,
    ])
    expect(() => placed.map((chunk) => loadedChunk(chunk, {}))).toThrow(TypeError)
  })

  test('have their bytes already where only this thread can read them', async () => {
    const [chunk] = await chunksOf(stored)
    if (chunk === undefined) throw new TypeError('there are two')
    expect(loadedChunk(chunk, {})).toBe(chunk)
  })

  test('take room for their values that is used again', () => {
    const room = new Float32Array(8)
    const halves = new Uint8Array(Uint16Array.of(floatToHalf(3), floatToHalf(-4)).buffer)
    const chunk: ValueChunk = {
      rows: 1,
      columns: 2,
      dtype: 'float16',
      stored: halves,
      values: null,
    }
    const values = chunkValues(scalarKernels, chunk, (count) => room.subarray(0, count))
    expect([...values]).toEqual([3, -4])
    expect(values.buffer).toBe(room.buffer)
  })
})
