import fc from 'fast-check'
import { expect, test } from 'vitest'
import { letterboxPicture, letterboxPlacement } from './letterbox.ts'
import { placementOf } from './picture-input.ts'
import type { PreprocessSpec } from './preprocess.ts'

const center = { kind: 'letterbox', height: 640, width: 640, place: 'center' } as const
const corner = { ...center, place: 'corner' } as const

// By hand from LetterBox of ultralytics 8.3 and preproc of YOLOX 0.3.
test.for([
  {
    size: [640, 480],
    step: center,
    placed: { scale: 1, left: 0, top: 80, width: 640, height: 480 },
  },
  {
    size: [481, 640],
    step: center,
    placed: { scale: 1, left: 79, top: 0, width: 481, height: 640 },
  },
  {
    size: [320, 213],
    step: center,
    placed: { scale: 2, left: 0, top: 107, width: 640, height: 426 },
  },
  {
    size: [1000, 333],
    step: center,
    placed: { scale: 0.64, left: 0, top: 213, width: 640, height: 213 },
  },
  {
    size: [1000, 333],
    step: corner,
    placed: { scale: 0.64, left: 0, top: 0, width: 640, height: 213 },
  },
  {
    size: [3, 6400],
    step: center,
    placed: { scale: 0.1, left: 319, top: 0, width: 1, height: 640 },
  },
])('$size in a letterbox', ({ size: [width = 0, height = 0], step, placed }) => {
  const { scaleX, scaleY, ...rest } = letterboxPlacement({ width, height }, step)
  const { scale, ...expected } = placed
  expect([scaleX, scaleY]).toEqual([scale, scale])
  expect(rest).toEqual(expected)
})

test('the picture lies in grey', () => {
  const picture = { width: 2, height: 1, rgb: Uint8Array.of(1, 2, 3, 4, 5, 6) }
  const boxed = letterboxPicture(picture, { ...center, height: 3, width: 2 }, 'bilinear')
  const grey = Array.from({ length: 6 }, () => 114)
  expect([...boxed.rgb]).toEqual([...grey, 1, 2, 3, 4, 5, 6, ...grey])
  expect([boxed.width, boxed.height]).toEqual([2, 3])
})

test('a letterboxed picture never leaves its box', () => {
  const edge = fc.integer({ min: 1, max: 5000 })
  const target = fc.integer({ min: 1, max: 800 })
  const place = fc.constantFrom('center' as const, 'corner' as const)
  fc.assert(
    fc.property(edge, edge, target, target, place, (width, height, w, h, where) => {
      const step = { kind: 'letterbox', width: w, height: h, place: where } as const
      const placed = letterboxPlacement({ width, height }, step)
      expect(placed.left).toBeGreaterThanOrEqual(0)
      expect(placed.top).toBeGreaterThanOrEqual(0)
      expect(placed.left + placed.width).toBeLessThanOrEqual(w)
      expect(placed.top + placed.height).toBeLessThanOrEqual(h)
    }),
  )
})

const spec: PreprocessSpec = {
  layout: 'NCHW',
  colour: 'RGB',
  resize: { kind: 'none' },
  filter: 'bilinear',
  scale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}

test.for([
  { name: 'as it is', more: {}, placed: [1, 1, 0, 0] },
  {
    name: 'stretched',
    more: { resize: { kind: 'stretch', height: 50, width: 50 } as const },
    placed: [0.25, 0.5, 0, 0],
  },
  {
    name: 'cropped after the shortest edge',
    more: {
      resize: { kind: 'shortest-edge', pixels: 50 } as const,
      crop: { height: 40, width: 40 },
    },
    placed: [0.5, 0.5, -30, -5],
  },
])('where a picture of 200 x 100 lies: $name', ({ more, placed }) => {
  const { scaleX, scaleY, left, top } = placementOf(
    { width: 200, height: 100 },
    { ...spec, ...more },
  )
  expect([scaleX, scaleY, left, top]).toEqual(placed)
})
