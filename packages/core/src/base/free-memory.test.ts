import { expect, test } from 'vitest'

import { freeMemory } from './free-memory.ts'

test('freed arrays are empty, with all views of the same memory', () => {
  const x = new Float32Array(8)
  const part = x.subarray(2, 4)
  freeMemory([new Uint8Array(0), x, x])
  expect([x.length, part.length, x.buffer.byteLength]).toEqual([0, 0, 0])
})

test('memory that is shared or owned by others stays, and does not keep the rest', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(8))
  const owned = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer)
  const x = new Float32Array(8)
  freeMemory([shared, owned, x])
  expect([shared.length, owned.length, x.length]).toEqual([8, 65536, 0])
})

test('memory is given back at once, without the garbage collector', () => {
  const before = process.memoryUsage().arrayBuffers
  const arrays = Array.from({ length: 4 }, () => new Uint8Array(2 ** 24))
  freeMemory(arrays)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 22)
  expect(arrays).toHaveLength(4)
})
