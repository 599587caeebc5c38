import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { memorySource, type ByteSource } from '../../base/bytes.ts'
import { MixbitError } from '../../base/error.ts'
import { ProtoCursor, varint, type ProtoField } from './proto-reader.ts'

const whole = (bytes: Uint8Array) => ({ file: 'x', end: bytes.length, isWholeFile: true })

async function fieldsOf(source: ByteSource): Promise<readonly ProtoField[]> {
  const cursor = new ProtoCursor(source)
  const fields: ProtoField[] = []
  for (let field = await cursor.next(source.sizeInBytes); field;) {
    fields.push(field)
    field = await cursor.next(source.sizeInBytes)
  }
  return fields
}

const read = (...fields: number[][]) => fieldsOf(memorySource('x', Uint8Array.from(fields.flat())))

describe('varint', () => {
  // By hand from https://protobuf.dev/programming-guides/encoding/#varints
  test.for([
    { bytes: [0x00], value: 0 },
    { bytes: [0x01], value: 1 },
    { bytes: [0x96, 0x01], value: 150 },
    { bytes: [0x80, 0x00], value: 0 },
    { bytes: [0xff, 0xff, 0xff, 0xff, 0x0f], value: 2 ** 32 - 1 },
    { bytes: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], value: 2 ** 53 - 1 },
    { bytes: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], value: 2 ** 64 },
  ])('$bytes is $value', ({ bytes, value }) => {
    const stored = Uint8Array.from(bytes)
    expect(varint(stored, 0, 0, whole(stored))).toEqual({ value, next: bytes.length })
  })

  test.for([
    { name: 'an eleventh byte', bytes: Array.from({ length: 11 }, () => 0x80) },
    { name: 'a 65th bit', bytes: [...Array.from({ length: 9 }, () => 0xff), 0x02] },
  ])('$name is malformed', ({ bytes }) => {
    const stored = Uint8Array.from(bytes)
    expect(() => varint(stored, 0, 0, whole(stored))).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    )
  })
})

describe('a cursor', () => {
  test('finds number, wire type and place of each field', async () => {
    // 1: varint 150 · 2: "abc" · 3: fixed32 · 4: fixed64
    const fields = await read(
      [0x08, 0x96, 0x01],
      [0x12, 3, 0x61, 0x62, 0x63],
      [0x1d, 1, 2, 3, 4],
      [0x21, 1, 2, 3, 4, 5, 6, 7, 8],
    )
    expect(fields).toEqual([
      { number: 1, wireType: 'varint', start: 0, payload: 1, end: 3, value: 150 },
      { number: 2, wireType: 'bytes', start: 3, payload: 5, end: 8, value: 0 },
      { number: 3, wireType: 'fixed32', start: 8, payload: 9, end: 13, value: 0 },
      { number: 4, wireType: 'fixed64', start: 13, payload: 14, end: 22, value: 0 },
    ])
  })

  test.for([
    { name: 'a group', bytes: [0x0b, 0x0c] },
    { name: 'wire type 6', bytes: [0x0e, 0] },
    { name: 'field number 0', bytes: [0x00, 0] },
    { name: 'a field number beyond 2^29 - 1', bytes: [0x80, 0x80, 0x80, 0x80, 0x10, 0] },
  ])('refuses $name as malformed', async ({ bytes }) => {
    await expect(read(bytes)).rejects.toMatchObject({ code: 'malformed' })
  })

  test.for([
    { name: 'inside a tag', bytes: [0x80] },
    { name: 'inside a varint', bytes: [0x08, 0x80] },
    { name: 'inside a length', bytes: [0x12, 0x80] },
    { name: 'inside a payload', bytes: [0x12, 2, 0] },
    { name: 'inside a fixed32', bytes: [0x1d, 0, 0] },
    { name: 'before 2^63 bytes', bytes: [0x12, ...Array.from({ length: 9 }, () => 0xff), 0] },
  ])('reports a file cut $name as truncated', async ({ bytes }) => {
    await expect(read(bytes)).rejects.toMatchObject({ code: 'truncated' })
  })

  test('reports a nested message that runs past its parent as malformed', async () => {
    const source = memorySource('x', Uint8Array.from([0x0a, 2, 0x0a, 5, 0, 0, 0, 0, 0]))
    const cursor = new ProtoCursor(source)
    const outer = await cursor.next(source.sizeInBytes)
    cursor.position = outer?.payload ?? 0
    await expect(cursor.next(outer?.end ?? 0)).rejects.toMatchObject({ code: 'malformed' })
  })

  test('steps over a terabyte of weights with one small read', async () => {
    const size = 2 ** 40
    const length = size - 12
    const header = [0x4a]
    for (let rest = length; rest > 0; rest = Math.floor(rest / 128)) {
      header.push((rest % 128) + (rest >= 128 ? 128 : 0))
    }
    const reads: number[] = []
    const source: ByteSource = {
      name: 'huge',
      sizeInBytes: header.length + length,
      read: (offset, count) => {
        reads.push(count)
        const bytes = new Uint8Array(count)
        bytes.set(header.slice(offset, offset + count))
        return Promise.resolve(bytes)
      },
      close: () => Promise.resolve(),
    }
    const [field] = await fieldsOf(source)
    expect(field).toMatchObject({ number: 9, end: source.sizeInBytes })
    expect(reads).toEqual([65_536])
  })

  test('any bytes give fields that touch and end at the end, or a coded error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        try {
          let end = 0
          for (const field of await fieldsOf(memorySource('x', bytes))) {
            expect(field.start).toBe(end)
            expect(field.end).toBeGreaterThan(field.start)
            end = field.end
          }
          expect(end).toBe(bytes.length)
        } catch (error) {
          const code = error instanceof MixbitError ? error.code : undefined
          if (code !== 'malformed' && code !== 'truncated') throw error
        }
      }),
      { numRuns: 1000 },
    )
  })
})
