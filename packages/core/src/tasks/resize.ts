import { ensure } from '../base/error.ts'
import type { Picture } from '../base/host.ts'
import { resizeTaps, WEIGHT_BITS } from './resize-filter.ts'
import type { ResizeFilter, Taps, WeightedFilter } from './resize-filter.ts'

/**
 * Most pixels of a resized picture, and of the one between the two passes: 2^26, 201 MB of RGB.
 * A strip of 1 x 10,000 pixels whose short edge becomes 1,024 would else take 31 GB.
 */
const MOST_PIXELS = 2 ** 26

/** Half of a unit, so that a shift rounds to the nearest. */
const HALF = 2 ** (WEIGHT_BITS - 1)

/**
 * Resizes a picture exactly as Pillow's `Image.resize` does, bit for bit: anti-aliased, across and
 * then down, with 8-bit values between the two. A picture that has the size already is returned.
 *
 * Pillow 13 goes down first where the height shrinks by more than twice as many pixels as the
 * width, which changes some values by one; this is the order of every Pillow up to 12.
 *
 * @see https://github.com/python-pillow/Pillow/blob/12.0.0/src/libImaging/Resample.c
 */
export function resizePicture(
  picture: Picture,
  width: number,
  height: number,
  filter: ResizeFilter,
): Picture {
  if (picture.width === width && picture.height === height) return picture
  ensureBounded(picture, width, height)
  if (filter === 'nearest') return resizeNearest(picture, width, height)
  return resizeDown(resizeAcross(picture, width, filter), height, filter)
}

function ensureBounded(picture: Picture, width: number, height: number): void {
  ensure(
    picture.width > 0 && picture.height > 0 && width > 0 && height > 0,
    'invalid-image',
    `A picture of ${picture.width} x ${picture.height} pixels cannot be resized to ${width} x ${height}.`,
    { width: picture.width, height: picture.height },
  )
  ensure(
    width * Math.max(height, picture.height) <= MOST_PIXELS,
    'invalid-image',
    `A picture of ${picture.width} x ${picture.height} pixels would become ${width} x ${height}, ` +
      `more than ${MOST_PIXELS} pixels. It is too narrow: crop it first.`,
    { width: picture.width, height: picture.height, limit: MOST_PIXELS },
  )
}

function resizeAcross(picture: Picture, width: number, filter: WeightedFilter): Picture {
  if (picture.width === width) return picture
  const taps = resizeTaps(picture.width, width, filter)
  const { height } = picture
  const rgb = new Uint8Array(width * height * 3)
  for (let x = 0; x < width; x++) {
    const from = (taps.first[x] ?? 0) * 3
    for (let y = 0; y < height; y++) {
      const source = y * picture.width * 3 + from
      writePixel(rgb, (y * width + x) * 3, picture.rgb, source, 3, taps, x)
    }
  }
  return { width, height, rgb }
}

function resizeDown(picture: Picture, height: number, filter: WeightedFilter): Picture {
  if (picture.height === height) return picture
  const taps = resizeTaps(picture.height, height, filter)
  const rowLength = picture.width * 3
  const rgb = new Uint8Array(rowLength * height)
  for (let y = 0; y < height; y++) {
    const from = (taps.first[y] ?? 0) * rowLength
    for (let x = 0; x < rowLength; x += 3) {
      writePixel(rgb, y * rowLength + x, picture.rgb, from + x, rowLength, taps, y)
    }
  }
  return { width: picture.width, height, rgb }
}

/**
 * Writes one RGB pixel at `out`: the weighted sum of `taps.count[position]` pixels of `input`, the
 * first at `source`, each `step` bytes after the one before.
 */
function writePixel(
  rgb: Uint8Array,
  out: number,
  input: Uint8Array,
  source: number,
  step: number,
  taps: Taps,
  position: number,
): void {
  const start = position * taps.stride
  const end = start + (taps.count[position] ?? 0)
  let red = HALF
  let green = HALF
  let blue = HALF
  let at = source
  for (let i = start; i < end; i++) {
    const weight = taps.weights[i] ?? 0
    red += weight * (input[at] ?? 0)
    green += weight * (input[at + 1] ?? 0)
    blue += weight * (input[at + 2] ?? 0)
    at += step
  }
  rgb[out] = clip(red)
  rgb[out + 1] = clip(green)
  rgb[out + 2] = clip(blue)
}

function clip(sum: number): number {
  return Math.max(0, Math.min(255, sum >> WEIGHT_BITS))
}

/**
 * Takes for each pixel the one whose area holds its centre. Positions are added up step by step, as
 * Pillow does, so that rounding falls the same way.
 */
function resizeNearest(picture: Picture, width: number, height: number): Picture {
  const columns = nearestPositions(picture.width, width)
  const rows = nearestPositions(picture.height, height)
  const rgb = new Uint8Array(width * height * 3)
  let out = 0
  for (const row of rows) {
    for (const column of columns) {
      const source = (row * picture.width + column) * 3
      rgb[out++] = picture.rgb[source] ?? 0
      rgb[out++] = picture.rgb[source + 1] ?? 0
      rgb[out++] = picture.rgb[source + 2] ?? 0
    }
  }
  return { width, height, rgb }
}

function nearestPositions(inputs: number, outputs: number): Int32Array {
  const scale = inputs / outputs
  const positions = new Int32Array(outputs)
  let position = scale * 0.5
  for (let i = 0; i < outputs; i++) {
    positions[i] = Math.min(inputs - 1, Math.trunc(position))
    position += scale
  }
  return positions
}
