import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'

import { ModelProtoSchema, TensorProtoSchema } from '../onnx/generated/onnx_pb.ts'
import { checkMessage } from './check-message.ts'

const LIMITS = { depth: 10, fields: 100 }

/** A model around `tensor`, the bytes of an initializer: ModelProto.graph.initializer. */
const model = (...tensor: number[]): Uint8Array =>
  Uint8Array.from([0x3a, tensor.length + 2, 0x2a, tensor.length, ...tensor])

const check = (bytes: Uint8Array, limits = LIMITS): void =>
  checkMessage(bytes, ModelProtoSchema, 'x', limits)

describe('checkMessage', () => {
  test.for([
    { name: 'packed dims', tensor: [0x0a, 2, 3, 4] },
    { name: 'dims one by one', tensor: [0x08, 3, 0x08, 4] },
    { name: 'packed floats', tensor: [0x22, 4, 0, 0, 0x80, 0x3f] },
    { name: 'a name in UTF-8', tensor: [0x42, 2, 0xc3, 0xa9] },
    { name: 'bytes that are not UTF-8', tensor: [0x4a, 1, 0xff] },
    { name: 'an unknown field', tensor: [0xf8, 0x07, 1] },
  ])('accepts $name', ({ tensor }) => {
    expect(() => check(model(...tensor))).not.toThrow()
  })

  test.for([
    { name: 'a name that runs past its tensor', tensor: [0x42, 9, 0x61] },
    { name: 'a name stored as a varint', tensor: [0x40, 1] },
    { name: 'a data type stored as bytes', tensor: [0x12, 1, 1] },
    { name: 'packed floats of 3 bytes', tensor: [0x22, 3, 0, 0, 0] },
    { name: 'packed dims that end inside a value', tensor: [0x0a, 2, 3, 0x80] },
    { name: 'a name in Latin-1', tensor: [0x42, 1, 0xe9] },
    { name: 'a group', tensor: [0x0b, 0x0c] },
  ])('refuses $name as malformed', ({ tensor }) => {
    expect(() => check(model(...tensor))).toThrow(expect.objectContaining({ code: 'malformed' }))
  })

  test('limits how deep messages nest', () => {
    expect(() => check(model(0x08, 1), { depth: 3, fields: 100 })).not.toThrow()
    expect(() => check(model(0x08, 1), { depth: 2, fields: 100 })).toThrow(
      expect.objectContaining({ code: 'limit-exceeded' }),
    )
  })

  test('limits how many fields there are', () => {
    expect(() => check(model(0x08, 1), { depth: 9, fields: 3 })).not.toThrow()
    expect(() => check(model(0x08, 1), { depth: 9, fields: 2 })).toThrow(
      expect.objectContaining({ code: 'limit-exceeded' }),
    )
  })

  test('accepts what the protobuf library writes', () => {
    const bytes = toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion: 10n,
        producerName: 'ü',
        graph: {
          name: 'g',
          node: [{ opType: 'Relu', attribute: [{ name: 'a', f: 1.5, ints: [-1n], type: 7 }] }],
          initializer: [create(TensorProtoSchema, { dims: [2n], int64Data: [1n, -1n] })],
        },
      }),
    )
    expect(() => check(bytes)).not.toThrow()
  })
})
