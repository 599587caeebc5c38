import { ensure } from '../base/error.ts'
import type { Picture, RuntimeTensor } from '../base/host.ts'
import type { ResizeFilter } from './resize-filter.ts'
import { letterboxPicture } from './letterbox.ts'
import type { LetterboxStep } from './letterbox.ts'
import { resizePicture } from './resize.ts'

/** How a picture is brought to size before it is cropped. */
export type ResizeStep =
  | { readonly kind: 'none' }
  /** To exactly this size, whatever its shape. */
  | { readonly kind: 'stretch'; readonly height: number; readonly width: number }
  /** The shorter edge to `pixels`; the shape is kept. */
  | { readonly kind: 'shortest-edge'; readonly pixels: number }
  | LetterboxStep

/** One for red, green and blue (in the order of `colour`); grey has the first. */
export type PerChannel = readonly [number, number, number]

/** How a picture becomes a model's input: `(pixel * scale - mean) / std`. */
export type PreprocessSpec = {
  readonly layout: 'NCHW' | 'NHWC'
  /** `grey` is one channel: Pillow's luma. */
  readonly colour: 'RGB' | 'BGR' | 'grey'
  readonly resize: ResizeStep
  /** Cut from the centre; black where the picture is smaller. */
  readonly crop?: { readonly height: number; readonly width: number }
  readonly filter: ResizeFilter
  readonly scale: number
  readonly mean: PerChannel
  readonly std: PerChannel
}

/**
 * A picture as the `pixel_values` of a vision model.
 *
 * @returns float32, shape (1, channels, height, width) or (1, height, width, channels)
 * @see https://github.com/huggingface/transformers/blob/v4.48.3/src/transformers/models/clip/image_processing_clip.py
 */
export function preprocessPicture(picture: Picture, spec: PreprocessSpec): RuntimeTensor {
  ensure(
    picture.rgb.length === picture.width * picture.height * 3,
    'invalid-image',
    `A picture of ${picture.width} x ${picture.height} pixels has ${picture.rgb.length} bytes of RGB.`,
    { width: picture.width, height: picture.height, bytes: picture.rgb.length },
  )
  const resized = resizeStep(picture, spec)
  const cut = spec.crop ? cropCenter(resized, spec.crop.width, spec.crop.height) : resized
  return normalizePicture(cut, spec)
}

function resizeStep(picture: Picture, { resize, filter }: PreprocessSpec): Picture {
  switch (resize.kind) {
    case 'none':
      return picture
    case 'stretch':
      return resizePicture(picture, resize.width, resize.height, filter)
    case 'shortest-edge': {
      const { width, height } = shortestEdgeSize(picture, resize.pixels)
      return resizePicture(picture, width, height, filter)
    }
    case 'letterbox':
      return letterboxPicture(picture, resize, filter)
  }
}

/** The size with the shorter edge at `pixels`; the longer is rounded down, as transformers does. */
export function shortestEdgeSize(
  { width, height }: { readonly width: number; readonly height: number },
  pixels: number,
): { readonly width: number; readonly height: number } {
  return width <= height
    ? { width: pixels, height: Math.trunc((pixels * height) / width) }
    : { width: Math.trunc((pixels * width) / height), height: pixels }
}

/** The middle of a picture; where the picture is smaller than the cut, black is added around it. */
export function cropCenter(picture: Picture, width: number, height: number): Picture {
  if (picture.width === width && picture.height === height) return picture
  const top = Math.floor((picture.height - height) / 2)
  const left = Math.floor((picture.width - width) / 2)
  const firstColumn = Math.max(0, left)
  const lastColumn = Math.min(picture.width, left + width)
  const rgb = new Uint8Array(width * height * 3)
  for (let y = Math.max(0, -top); y < Math.min(height, picture.height - top); y++) {
    const row = (y + top) * picture.width
    const pixels = picture.rgb.subarray((row + firstColumn) * 3, (row + lastColumn) * 3)
    rgb.set(pixels, (y * width + firstColumn - left) * 3)
  }
  return { width, height, rgb }
}

/**
 * A pixel has only 256 values, so each channel's results come from a table. Like transformers, the
 * scaled value is rounded to float32 first, and mean and std are float32.
 */
function normalizePicture(picture: Picture, spec: PreprocessSpec): RuntimeTensor {
  const { width, height } = picture
  const { values, channels } = orderedChannels(picture, spec.colour)
  const pixels = width * height
  const isPlanar = spec.layout === 'NCHW'
  const data = new Float32Array(pixels * channels)
  for (let channel = 0; channel < channels; channel++) {
    const table = normalizedValues(spec.scale, spec.mean[channel] ?? 0, spec.std[channel] ?? 1)
    const source = spec.colour === 'BGR' ? 2 - channel : channel
    const step = isPlanar ? 1 : channels
    let out = isPlanar ? channel * pixels : channel
    for (let i = 0; i < pixels; i++) {
      data[out] = table[values[i * channels + source] ?? 0] ?? 0
      out += step
    }
  }
  const shape = isPlanar ? [1, channels, height, width] : [1, height, width, channels]
  return { dtype: 'float32', shape, data }
}

function orderedChannels(
  { rgb }: Picture,
  colour: PreprocessSpec['colour'],
): { readonly values: Uint8Array; readonly channels: 1 | 3 } {
  return colour === 'grey' ? { values: greyOf(rgb), channels: 1 } : { values: rgb, channels: 3 }
}

/**
 * Pillow's `convert('L')`: ITU-R 601-2 luma in 16-bit fixed point.
 *
 * @see https://github.com/python-pillow/Pillow/blob/12.0.0/src/libImaging/Convert.c, `L24`
 */
function greyOf(rgb: Uint8Array): Uint8Array {
  const grey = new Uint8Array(rgb.length / 3)
  for (let i = 0; i < grey.length; i++) {
    const red = rgb[i * 3] ?? 0
    const green = rgb[i * 3 + 1] ?? 0
    const blue = rgb[i * 3 + 2] ?? 0
    grey[i] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
  }
  return grey
}

function normalizedValues(scale: number, mean: number, std: number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, pixel) => {
    const centered = Math.fround(Math.fround(pixel * scale) - Math.fround(mean))
    return centered / Math.fround(std)
  })
}
