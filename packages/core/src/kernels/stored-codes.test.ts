import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scalarKernels } from './scalar.ts'
import { countKept, keptValues, storedCodes } from './stored-codes.ts'
import type { CodeStorage } from './stored-codes.ts'

const stored = (codes: readonly number[], storage: CodeStorage): readonly number[] => [
  ...storedCodes(scalarKernels, Int8Array.from(codes), storage),
]

describe('storedCodes', () => {
  test.for([
    { codes: [-128, -1, 0, 127], offset: 0, bits: 8, bytes: [128, 255, 0, 127] },
    { codes: [-127, 0, 127], offset: 127, bits: 8, bytes: [0, 127, 254] },
    { codes: [-128, 127], offset: 128, bits: 8, bytes: [0, 255] },
    { codes: [-8, -1, 7], offset: 0, bits: 4, bytes: [0xf8, 0x07] },
    { codes: [-8, -1, 7], offset: 8, bits: 4, bytes: [0x70, 0x0f] },
    { codes: [], offset: 8, bits: 4, bytes: [] },
  ] as const)('$codes from $offset in $bits bits', ({ codes, offset, bits, bytes }) => {
    expect(stored(codes, { offset, bits })).toEqual(bytes)
  })

  test.for([
    { codes: [0, -128], offset: 127, bits: 8, code: -128 },
    { codes: [8, 0], offset: 0, bits: 4, code: 8 },
    { codes: [3, -9, 20], offset: 0, bits: 4, code: -9 },
    { codes: [0, -9], offset: 8, bits: 4, code: -9 },
    { codes: [8], offset: 8, bits: 4, code: 8 },
  ] as const)('$code has no place from $offset in $bits bits', ({ codes, offset, bits, code }) => {
    expect(() => stored(codes, { offset, bits })).toThrow(
      new TypeError(`the code ${code} is not stored in ${bits} bits`),
    )
  })
})

describe('keptValues', () => {
  test('are those that a mask keeps, in their order and type', () => {
    const values = fc.array(fc.tuple(fc.integer({ min: -128, max: 127 }), fc.nat({ max: 2 })))
    fc.assert(
      fc.property(values, (pairs) => {
        const mask = Uint8Array.from(pairs, ([, keeps]) => keeps)
        const kept = pairs.filter(([, keeps]) => keeps > 0).map(([value]) => value)
        const given = pairs.map(([value]) => value)
        expect(countKept(mask)).toBe(kept.length)
        expect(keptValues(Int8Array.from(given), mask)).toEqual(Int8Array.from(kept))
        expect(keptValues(Uint8Array.from(given), mask)).toEqual(Uint8Array.from(kept))
        expect(keptValues(Float32Array.from(given), mask)).toEqual(Float32Array.from(kept))
      }),
    )
  })

  test('of another length than the mask are a mistake', () => {
    expect(() => keptValues(new Uint8Array(3), new Uint8Array(2))).toThrow(TypeError)
  })
})
