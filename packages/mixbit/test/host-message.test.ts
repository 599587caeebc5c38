import { MixbitError } from '@mixbit/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { errorData, errorFrom, pack } from '../src/host/message.ts'

test('a whole buffer moves without a copy, once, though two views show it', () => {
  const buffer = new ArrayBuffer(8)
  const floats = new Float32Array(buffer)
  const { data, transfer } = pack({ floats, again: [new Uint8Array(buffer)] }, 'give')
  expect(transfer).toEqual([buffer])
  expect(data).toEqual({ floats, again: [new Uint8Array(8)] })
})

test('a buffer that is kept is not moved', () => {
  const kept = new Float32Array([1, 2])
  expect(pack({ kept }, 'keep')).toEqual({ data: { kept }, transfer: [] })
})

test('an empty constant can be sent again and again', () => {
  const nothing = new Uint8Array(0)
  for (let round = 0; round < 2; round++) {
    const { data, transfer } = pack({ nothing }, 'give')
    expect(structuredClone(data, { transfer: [...transfer] })).toEqual({ nothing })
  }
})

test('a view of a part is copied, so that the buffer under it is neither sent nor lost', () => {
  const whole = new Float32Array(1000).fill(3)
  const { data, transfer } = pack({ part: whole.subarray(10, 12) }, 'give')
  expect(data).toEqual({ part: new Float32Array([3, 3]) })
  expect(transfer.map((buffer) => buffer.byteLength)).toEqual([8])
  structuredClone(data, { transfer: [...transfer] })
  expect(whole.length).toBe(1000)
})

test('a small Node buffer leaves the pool it shares with others alone', () => {
  const pooled = Buffer.from('abc')
  expect(pooled.buffer.byteLength).toBeGreaterThan(3)
  const { data, transfer } = pack(pooled, 'give')
  expect(data).toEqual(new Uint8Array([97, 98, 99]))
  expect(transfer).not.toContain(pooled.buffer)
})

test('shared memory stays shared', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(4))
  expect(pack({ shared }, 'give')).toEqual({ data: { shared }, transfer: [] })
})

test.for([
  new Int8Array([1, 2, 3, 4]),
  new Uint8ClampedArray([1, 2, 3, 4]),
  new Uint16Array([1, 2, 3, 4]),
  new BigInt64Array([1n, 2n, 3n, 4n]),
  new Float64Array([1, 2, 3, 4]),
])('a part of %o keeps its kind', (whole) => {
  const part = whole.subarray(1, 3)
  expect(pack(part, 'give').data).toEqual(part)
})

test('what arrives equals what was packed, whatever it is made of', () => {
  const view = fc
    .tuple(fc.uint8Array({ maxLength: 9 }), fc.nat(9), fc.nat(9))
    .map(([bytes, start, end]) => bytes.subarray(start, end))
  const value = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      view,
      fc.float(),
      fc.string(),
      fc.constant(undefined),
      fc.array(tie('node'), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie('node'), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).node
  fc.assert(
    fc.property(value, fc.constantFrom('keep', 'give'), (sent, ownership) => {
      const before = structuredClone(sent)
      const { data, transfer } = pack(sent, ownership)
      expect(structuredClone(data, { transfer: [...transfer] })).toEqual(before)
    }),
  )
})

test('a coded error arrives with its code, message, facts and stack', () => {
  const error = new MixbitError('truncated', 'ends early', { file: 'a', size: 3 })
  const arrived = errorFrom(structuredClone(errorData(error)))
  expect(arrived).toBeInstanceOf(MixbitError)
  expect(arrived).toMatchObject({
    code: 'truncated',
    message: 'ends early',
    facts: { file: 'a', size: 3 },
    stack: error.stack,
  })
})

test('any other error keeps its name, message and stack', () => {
  const error = new RangeError('too far')
  const arrived = errorFrom(structuredClone(errorData(error)))
  expect(arrived).not.toBeInstanceOf(MixbitError)
  expect([arrived.name, arrived.message, arrived.stack]).toEqual([
    'RangeError',
    'too far',
    error.stack,
  ])
  expect(errorFrom(errorData('text')).message).toBe('text')
})
