import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Picture } from '../base/host.ts'
import { RESIZE_FILTERS, resizeTaps } from './resize-filter.ts'
import { resizePicture } from './resize.ts'

const grey = (width: number, values: readonly number[]): Picture => ({
  width,
  height: values.length / width,
  rgb: Uint8Array.from(values.flatMap((value) => [value, value, value])),
})

const reds = (picture: Picture): number[] => [...picture.rgb].filter((_, index) => index % 3 === 0)

// By hand: box averages whole pixels; bilinear at half size weighs 1, 3, 3, 1 (of 8), cut at the
// border to 3, 3, 1 (of 7).
test.for([
  { name: 'box halves by averaging', filter: 'box', input: [10, 20, 30, 50], out: [15, 40] },
  { name: 'a half rounds up', filter: 'box', input: [10, 11, 0, 1], out: [11, 1] },
  { name: 'bilinear covers four', filter: 'bilinear', input: [0, 70, 140, 210], out: [50, 160] },
  { name: 'nearest takes the middle', filter: 'nearest', input: [1, 2, 3, 4, 5, 6], out: [2, 5] },
] as const)('resizePicture: $name', ({ filter, input, out }) => {
  const picture = grey(input.length, input)
  expect(reds(resizePicture(picture, 2, 1, filter))).toEqual(out)
  const upright = { ...picture, width: 1, height: input.length }
  expect(reds(resizePicture(upright, 1, 2, filter))).toEqual(out)
})

test('a checkerboard shrinks to grey, because the filter is anti-aliased', () => {
  const board = grey(
    64,
    Array.from({ length: 64 * 64 }, (_, i) => (((i % 64) + (i >> 6)) % 2) * 255),
  )
  const small = reds(resizePicture(board, 16, 16, 'bicubic'))
  expect(small.every((value) => value === 127 || value === 128)).toBe(true)
})

test('bicubic overshoots, and the result is clipped', () => {
  const steps = grey(8, [0, 0, 0, 0, 255, 255, 255, 255])
  const wide = reds(resizePicture(steps, 32, 1, 'bicubic'))
  expect(Math.min(...wide)).toBe(0)
  expect(Math.max(...wide)).toBe(255)
})

test('a picture that has the size already is returned as it is', () => {
  const picture = grey(2, [1, 2, 3, 4])
  for (const filter of RESIZE_FILTERS) expect(resizePicture(picture, 2, 2, filter)).toBe(picture)
})

test('a plain picture stays plain at any size, with any filter', () => {
  const edge = fc.integer({ min: 1, max: 40 })
  fc.assert(
    fc.property(
      fc.tuple(edge, edge, edge, edge),
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(...RESIZE_FILTERS),
      ([width, height, newWidth, newHeight], value, filter) => {
        const plain = { width, height, rgb: new Uint8Array(width * height * 3).fill(value) }
        const resized = resizePicture(plain, newWidth, newHeight, filter)
        expect(resized.rgb.length).toBe(newWidth * newHeight * 3)
        expect(resized.rgb.every((byte) => byte === value)).toBe(true)
      },
    ),
  )
})

test('weights of every output add up to 1 within rounding, from inside the picture', () => {
  const edge = fc.integer({ min: 1, max: 300 })
  const filters = ['box', 'bilinear', 'hamming', 'bicubic', 'lanczos'] as const
  fc.assert(
    fc.property(edge, edge, fc.constantFrom(...filters), (inputs, outputs, filter) => {
      const { first, count, weights, stride } = resizeTaps(inputs, outputs, filter)
      for (let i = 0; i < outputs; i++) {
        const taps = count[i] ?? 0
        const row = weights.subarray(i * stride, i * stride + taps)
        expect((first[i] ?? 0) + taps).toBeLessThanOrEqual(inputs)
        expect(
          Math.abs(row.reduce((sum, weight) => sum + weight, 0) - 2 ** 22),
        ).toBeLessThanOrEqual(taps)
      }
    }),
  )
})

test('a picture that would grow beyond all bounds is refused', () => {
  const strip = { width: 1, height: 100_000, rgb: new Uint8Array(300_000) }
  expect(() => resizePicture(strip, 1024, 102_400_000, 'bicubic')).toThrow(
    expect.objectContaining({ code: 'invalid-image' }),
  )
  const empty = { width: 0, height: 5, rgb: new Uint8Array(0) }
  expect(() => resizePicture(empty, 2, 2, 'box')).toThrow(
    expect.objectContaining({ code: 'invalid-image' }),
  )
})
