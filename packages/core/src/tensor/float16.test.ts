import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bfloat16ToFloat,
  floatToBfloat16,
  floatToHalf,
  halfToFloat,
  halfToFloatBits,
  roundToHalf,
} from './float16.ts'
import { roundHalfToEven } from './rounding.ts'

/** Every finite non-negative half in order, by the definition of binary16. */
const HALVES: readonly number[] = Array.from({ length: 0x7c00 }, (_, bits) => {
  const exponent = bits >>> 10
  const fraction = bits & 0x3ff
  return exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25)
})

describe('half precision', () => {
  test('all 65,536 halves read as the definition says', () => {
    const wrong = bitsWhere(0, 0x10000, (bits) => {
      const magnitude = bits & 0x7fff
      const expected = HALVES[magnitude] ?? (magnitude === 0x7c00 ? Infinity : NaN)
      return !Object.is(halfToFloat(bits), bits < 0x8000 ? expected : -expected)
    })
    expect(wrong).toEqual([])
  })

  test('all halves come back as the same bits, and every NaN as 0x7e00', () => {
    const wrong = bitsWhere(0, 0x10000, (bits) => {
      const expected = (bits & 0x7fff) > 0x7c00 ? 0x7e00 : bits
      return floatToHalf(halfToFloat(bits)) !== expected
    })
    expect(wrong).toEqual([])
  })

  test('between two neighbours the nearer wins, and the tie goes to the even one', () => {
    const wrong = bitsWhere(0, 0x7bff, (bits) => {
      const low = HALVES[bits] ?? 0
      const high = HALVES[bits + 1] ?? 0
      const middle = (low + high) / 2
      const nudge = (high - low) / 2 ** 20
      return (
        floatToHalf(middle) !== (bits % 2 === 0 ? bits : bits + 1) ||
        floatToHalf(middle - nudge) !== bits ||
        floatToHalf(middle + nudge) !== bits + 1
      )
    })
    expect(wrong).toEqual([])
  })

  // By hand from IEEE 754: 65520 is half way between 65504 and 65536.
  test.for([
    { x: 65519.99, bits: 0x7bff },
    { x: 65520, bits: 0x7c00 },
    { x: -1e308, bits: 0xfc00 },
    { x: 2 ** -25, bits: 0 },
    { x: 2 ** -25 * (1 + 2 ** -50), bits: 1 },
    { x: -(2 ** -25), bits: 0x8000 },
    { x: 5e-324, bits: 0 },
    { x: -0, bits: 0x8000 },
    { x: 1.00048828125, bits: 0x3c00 },
    // Rounding to float32 first would make this a tie and give 0x3c00.
    { x: 1.00048828125 + 2 ** -40, bits: 0x3c01 },
    { x: NaN, bits: 0x7e00 },
    { x: -Infinity, bits: 0xfc00 },
  ])('floatToHalf($x) is $bits', ({ x, bits }) => {
    expect(floatToHalf(x)).toBe(bits)
  })

  test('roundToHalf keeps the sign of zero and agrees with the bits', () => {
    expect(roundToHalf(-0)).toBe(-0)
    expect(roundToHalf(-1e-30)).toBe(-0)
    fc.assert(
      fc.property(fc.double({ min: -70000, max: 70000, noNaN: true }), (x) => {
        expect(roundToHalf(x)).toBe(halfToFloat(floatToHalf(x)))
      }),
    )
  })

  test('the payload of a NaN is kept in the bits', () => {
    expect(halfToFloatBits(0x7c01)).toBe(0x7f802000)
    expect(halfToFloatBits(0xffff)).toBe(0xffffe000)
  })
})

describe('bfloat16', () => {
  test('all bfloat16 values come back as the same bits, and every NaN as 0x7fc0', () => {
    const wrong = bitsWhere(0, 0x10000, (bits) => {
      const expected = (bits & 0x7fff) > 0x7f80 ? 0x7fc0 : bits
      return floatToBfloat16(bfloat16ToFloat(bits)) !== expected
    })
    expect(wrong).toEqual([])
  })

  // By hand: a bfloat16 keeps 7 bits of the fraction.
  test.for([
    { x: 1, bits: 0x3f80 },
    { x: 1 + 2 ** -8, bits: 0x3f80 },
    { x: 1 + 3 * 2 ** -8, bits: 0x3f82 },
    { x: 1 + 2 ** -8 + 2 ** -23, bits: 0x3f81 },
    { x: 3.4028234663852886e38, bits: 0x7f80 },
    { x: -3.3e38, bits: 0xff78 },
    { x: 2 ** -133, bits: 1 },
    { x: 2 ** -134, bits: 0 },
    { x: -Infinity, bits: 0xff80 },
  ])('floatToBfloat16($x) is $bits', ({ x, bits }) => {
    expect(floatToBfloat16(x)).toBe(bits)
  })
})

// By hand from the definition.
test.for([
  [0.5, 0],
  [1.5, 2],
  [2.5, 2],
  [-0.5, 0],
  [-1.5, -2],
  [0.49999999999999994, 0],
  [1e15 + 0.5, 1e15],
] as const)('roundHalfToEven(%d) is %d', ([x, expected]) => {
  expect(roundHalfToEven(x)).toBe(expected)
})

function bitsWhere(
  from: number,
  to: number,
  isWrong: (bits: number) => boolean,
): readonly number[] {
  const found: number[] = []
  for (let bits = from; bits < to; bits++) if (isWrong(bits)) found.push(bits)
  return found
}
