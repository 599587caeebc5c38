import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect, test } from 'vitest'

import { TensorProto_DataLocation, TensorProtoSchema } from './generated/onnx_pb.ts'
import type { DataFile } from './layout.ts'
import { place, setExternal } from './layout.ts'

const MIB = 2 ** 20

test.for([
  { what: 'below 1024 bytes', size: 0, length: 1023, offset: null },
  { what: 'from 1024 bytes on', size: 0, length: 1024, offset: 0 },
  { what: 'behind 1 byte', size: 1, length: 1024, offset: 64 },
  { what: 'behind 64 bytes', size: 64, length: 1024, offset: 64 },
  { what: 'just below 1 MiB', size: 65, length: MIB - 1, offset: 128 },
  { what: 'from 1 MiB on, a page', size: 65, length: MIB, offset: 4096 },
  { what: 'on a page', size: 8192, length: MIB, offset: 8192 },
])('a tensor $what lies at $offset', ({ size, length, offset }) => {
  const file: DataFile = { location: 'x.onnx_data', inline: 'small', size }
  const expected =
    offset === null
      ? { kind: 'inline' }
      : { kind: 'external', location: 'x.onnx_data', offset, length }
  expect(place(file, length)).toEqual(expected)
  expect(file.size).toBe(offset === null ? size : offset + length)
})

test('tensors keep their order, are aligned, never overlap, and end where the file ends', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 3 * MIB }), { maxLength: 30 })
  fc.assert(
    fc.property(lengths, (sizes) => {
      const file: DataFile = { location: 'x', inline: 'small', size: 0 }
      let end = 0
      for (const size of sizes) {
        const placement = place(file, size)
        if (placement.kind === 'inline') continue
        const { offset, length } = placement
        expect(offset % (size >= MIB ? 4096 : 64)).toBe(0)
        expect(offset).toBeGreaterThanOrEqual(end)
        expect(offset - end).toBeLessThan(4096)
        expect(length).toBe(size)
        end = offset + length
      }
      expect(file.size).toBe(end)
    }),
  )
})

test('an external tensor names its file, place and length as text', () => {
  const tensor = create(TensorProtoSchema, { name: 'w' })
  setExternal(tensor, { kind: 'external', location: 'm.onnx_data', offset: 64, length: 2048 })
  expect(tensor.dataLocation).toBe(TensorProto_DataLocation.EXTERNAL)
  expect(tensor.externalData.map(({ key, value }) => [key, value])).toEqual([
    ['location', 'm.onnx_data'],
    ['offset', '64'],
    ['length', '2048'],
  ])
})
