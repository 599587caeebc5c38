import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Picture } from '../base/host.ts'
import { cropCenter, preprocessPicture, shortestEdgeSize } from './preprocess.ts'
import type { PreprocessSpec } from './preprocess.ts'

const PLAIN: PreprocessSpec = {
  layout: 'NCHW',
  colour: 'RGB',
  resize: { kind: 'none' },
  filter: 'bicubic',
  scale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}

/** Pixel number n has the colour (n, n + 100, n + 200). */
const numbered = (width: number, height: number): Picture => ({
  width,
  height,
  rgb: Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.floor(i / 3) + (i % 3) * 100),
})

const reds = ({ rgb }: Picture): number[] => [...rgb].filter((_, index) => index % 3 === 0)

test('preprocessPicture puts the planes one after the other', () => {
  const { shape, data, dtype } = preprocessPicture(numbered(2, 1), PLAIN)
  expect({ shape, dtype, data: [...data] }).toEqual({
    dtype: 'float32',
    shape: [1, 3, 1, 2],
    data: [0, 1, 100, 101, 200, 201],
  })
})

test('NHWC keeps pixels together and BGR turns them round', () => {
  const spec = { ...PLAIN, layout: 'NHWC', colour: 'BGR' } as const
  const { shape, data } = preprocessPicture(numbered(2, 1), spec)
  expect({ shape, data: [...data] }).toEqual({
    shape: [1, 1, 2, 3],
    data: [200, 100, 0, 201, 101, 1],
  })
})

test('scale, mean and std are applied per channel in float32', () => {
  const spec = { ...PLAIN, scale: 1 / 255, mean: [0, 0.5, 0.1], std: [1, 0.25, 3] } as const
  const { data } = preprocessPicture(numbered(1, 1), spec)
  const f = Math.fround
  expect([...data]).toEqual([
    0,
    f(f(f(100 / 255) - 0.5) / 0.25),
    f(f(f(200 * (1 / 255)) - f(0.1)) / 3),
  ])
})

// Expected sizes: transformers' get_resize_output_image_size with default_to_square=False.
test.for([
  { width: 640, height: 480, pixels: 1024, out: { width: 1365, height: 1024 } },
  { width: 480, height: 640, pixels: 1024, out: { width: 1024, height: 1365 } },
  { width: 5, height: 5, pixels: 3, out: { width: 3, height: 3 } },
  { width: 3, height: 1, pixels: 2, out: { width: 6, height: 2 } },
])('shortestEdgeSize of $width x $height at $pixels', ({ width, height, pixels, out }) => {
  expect(shortestEdgeSize({ width, height }, pixels)).toEqual(out)
})

// By hand from transformers' center_crop: an odd rest is cut at the bottom and right end, an odd
// border of black is wider at the top and left. Pixel number n has the value n + 7.
test.for([
  { name: 'an even rest', from: [4, 1], width: 2, height: 1, out: [8, 9] },
  { name: 'an odd rest', from: [5, 1], width: 2, height: 1, out: [8, 9] },
  { name: 'black on both sides', from: [1, 1], width: 3, height: 1, out: [0, 7, 0] },
  { name: 'an odd border', from: [1, 1], width: 4, height: 1, out: [0, 0, 7, 0] },
  { name: 'one axis cut, one padded', from: [3, 1], width: 1, height: 2, out: [0, 8] },
] as const)('cropCenter: $name', ({ from: [fromWidth, fromHeight], width, height, out }) => {
  const length = fromWidth * fromHeight * 3
  const rgb = Uint8Array.from({ length }, (_, i) => Math.floor(i / 3) + 7)
  expect(reds(cropCenter({ width: fromWidth, height: fromHeight, rgb }, width, height))).toEqual(
    out,
  )
})

test('a picture is resized, then cropped, then normalised; padding is black before that', () => {
  const spec: PreprocessSpec = {
    ...PLAIN,
    resize: { kind: 'shortest-edge', pixels: 1 },
    crop: { height: 3, width: 2 },
    mean: [5, 5, 5],
  }
  const { shape, data } = preprocessPicture(
    { width: 2, height: 2, rgb: new Uint8Array(12).fill(9) },
    spec,
  )
  expect(shape).toEqual([1, 3, 3, 2])
  expect([...data.subarray(0, 6)].map(Number)).toEqual([-5, -5, -5, 4, -5, -5])
})

test('any picture gets the shape that is asked for', () => {
  const edge = fc.integer({ min: 1, max: 30 })
  fc.assert(
    fc.property(fc.tuple(edge, edge, edge, edge, edge), ([width, height, pixels, h, w]) => {
      const picture = { width, height, rgb: new Uint8Array(width * height * 3) }
      const resize = { kind: 'shortest-edge', pixels } as const
      const { shape, data } = preprocessPicture(picture, {
        ...PLAIN,
        resize,
        crop: { height: h, width: w },
      })
      expect(shape).toEqual([1, 3, h, w])
      expect(data.length).toBe(3 * h * w)
    }),
  )
})

test('a picture whose bytes do not fit its size is refused', () => {
  const broken = { width: 2, height: 2, rgb: new Uint8Array(11) }
  expect(() => preprocessPicture(broken, PLAIN)).toThrow(
    expect.objectContaining({ code: 'invalid-image' }),
  )
})

// Pillow 12: Image.new('RGB', (1, 1), colour).convert('L').
test.for([
  { rgb: [255, 255, 255], grey: 255 },
  { rgb: [255, 0, 0], grey: 76 },
  { rgb: [0, 255, 0], grey: 150 },
  { rgb: [0, 0, 255], grey: 29 },
  { rgb: [12, 200, 77], grey: 130 },
])('the grey of $rgb is $grey', ({ rgb, grey }) => {
  const picture = { width: 1, height: 1, rgb: Uint8Array.from(rgb) }
  const tensor = preprocessPicture(picture, {
    layout: 'NHWC',
    colour: 'grey',
    resize: { kind: 'none' },
    filter: 'bicubic',
    scale: 1,
    mean: [0, 0, 0],
    std: [1, 1, 1],
  })
  expect(tensor).toEqual({ dtype: 'float32', shape: [1, 1, 1, 1], data: Float32Array.of(grey) })
})
