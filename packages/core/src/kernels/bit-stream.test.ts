import fc from 'fast-check'
import { expect, test } from 'vitest'
import { firstDifference, seededIntegers } from '../../test/kernel-values.ts'
import { bitStream, packedBytes } from './bit-stream.ts'
import type { Kernels } from './kernels.ts'
import { scalarKernels } from './scalar.ts'
import { loadSimdKernels } from './simd.ts'

const BITS = [1, 2, 3, 4, 6, 8] as const

const IMPLEMENTATIONS: readonly (readonly [string, Kernels])[] = [
  ['scalar', scalarKernels],
  ['SIMD', loadSimdKernels()],
]

// What coremltools' blob storage writer gave for these values.
const GOLDEN = [
  { bits: 3, values: [1, 2, 3, 4, 5], bytes: [0xd1, 0x58] },
  { bits: 4, values: [-8, -1, 7], bytes: [0xf8, 0x07] },
  { bits: 6, values: [1, 2, 3, 63, 0], bytes: [0x81, 0x30, 0xfc, 0x00] },
  { bits: 1, values: [1, 0, 0, 1, 1, 0, 0, 0, 1], bytes: [0x19, 0x01] },
  { bits: 4, values: [1, 2, 15], bytes: [0x21, 0x0f] },
  { bits: 2, values: [0, 1, 2, 3, 1], bytes: [0xe4, 0x01] },
  { bits: 8, values: [0, 128, 255], bytes: [0, 128, 255] },
  { bits: 6, values: [], bytes: [] },
] as const

for (const [name, kernels] of IMPLEMENTATIONS) {
  test.for(GOLDEN)(`${name}: $values in $bits bits`, ({ bits, values, bytes }) => {
    const packed = new Uint8Array(packedBytes(values.length, bits))
    kernels.packBits(packed, Uint8Array.from(values), bits)
    expect([...packed]).toEqual(bytes)
    const back = new Uint8Array(values.length)
    kernels.unpackBits(back, packed, bits)
    expect([...back]).toEqual(values.map((value) => value & ((1 << bits) - 1)))
  })
}

test('SIMD packs and unpacks as the reference does, at every length', () => {
  const [, simd] = IMPLEMENTATIONS[1] ?? ['', scalarKernels]
  const lengths = [...Array.from({ length: 71 }, (_, i) => i), 65535, 65536, 65537, 131080]
  for (const bits of BITS) {
    for (const length of lengths) {
      const values = Uint8Array.from({ length }, seededIntegers(length + bits))
      const packed = new Uint8Array(packedBytes(length, bits))
      const expected = new Uint8Array(packed.length)
      simd.packBits(packed, values, bits)
      scalarKernels.packBits(expected, values, bits)
      expect(firstDifference(packed, expected)).toBe(-1)
      const back = new Uint8Array(length)
      const lowest = values.map((value) => value & ((1 << bits) - 1))
      simd.unpackBits(back, packed, bits)
      expect(firstDifference(back, lowest)).toBe(-1)
      scalarKernels.unpackBits(back.fill(0), packed, bits)
      expect(firstDifference(back, lowest)).toBe(-1)
    }
  }
})

test('parts of any length join to the stream of the whole', () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 6 })
  fc.assert(
    fc.property(parts, fc.constantFrom(...BITS), (list, bits) => {
      const values = Uint8Array.from(list.flatMap((part) => [...part]))
      const whole = new Uint8Array(packedBytes(values.length, bits))
      scalarKernels.packBits(whole, values, bits)
      const stream = bitStream()
      const joined = list.flatMap((part) => {
        const packed = new Uint8Array(packedBytes(part.length, bits))
        scalarKernels.packBits(packed, part, bits)
        return [...stream.append(packed, part.length * bits)]
      })
      expect([...joined, ...stream.end()]).toEqual([...whole])
      expect(stream.end()).toHaveLength(0)
    }),
  )
})

test('bits beyond the count of a part are dropped', () => {
  const stream = bitStream()
  // By hand: 3 ones, then 2 zeros, then 3 ones.
  expect([...stream.append(Uint8Array.of(0xff), 3)]).toEqual([])
  expect([...stream.append(Uint8Array.of(0xfc), 2)]).toEqual([])
  expect([...stream.append(Uint8Array.of(0xff), 3)]).toEqual([0xe7])
  expect(stream.end()).toHaveLength(0)
})

test('arrays that do not fit are refused', () => {
  for (const [, kernels] of IMPLEMENTATIONS) {
    expect(() => kernels.packBits(new Uint8Array(2), new Uint8Array(3), 6)).toThrow(TypeError)
    expect(() => kernels.unpackBits(new Uint8Array(3), new Uint8Array(4), 6)).toThrow(TypeError)
  }
  expect(() => bitStream().append(new Uint8Array(2), 8)).toThrow(TypeError)
})
