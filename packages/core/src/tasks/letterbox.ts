import type { Picture } from '../base/host.ts'
import { roundHalfToEven } from '../tensor/rounding.ts'
import type { ResizeFilter } from './resize-filter.ts'
import { resizePicture } from './resize.ts'

/** Fits a picture into a size with its shape kept; the rest is grey. */
export type LetterboxStep = {
  readonly kind: 'letterbox'
  readonly height: number
  readonly width: number
  /** `center` as YOLOv5 to v11 pad; `corner` as YOLOX does, at the right and the bottom. */
  readonly place: 'center' | 'corner'
}

/** Where a picture lies in the model's input: `input = picture * scale + offset`, in pixels. */
export type Placement = {
  readonly scaleX: number
  readonly scaleY: number
  readonly left: number
  readonly top: number
}

/** The value of each channel around the picture, in every YOLO. */
const PADDING = 114

/**
 * Where `LetterBox` of ultralytics puts a picture: the size rounded to even, half a pixel of
 * padding at the top and left rounded down.
 *
 * @see https://github.com/ultralytics/ultralytics/blob/v8.3.0/ultralytics/data/augment.py
 */
export function letterboxPlacement(
  picture: { readonly width: number; readonly height: number },
  step: LetterboxStep,
): Placement & { readonly width: number; readonly height: number } {
  const scale = Math.min(step.height / picture.height, step.width / picture.width)
  const fit = step.place === 'center' ? roundHalfToEven : Math.trunc
  const width = Math.max(1, fit(picture.width * scale))
  const height = Math.max(1, fit(picture.height * scale))
  const isCenter = step.place === 'center'
  const left = isCenter ? roundHalfToEven((step.width - width) / 2 - 0.1) : 0
  const top = isCenter ? roundHalfToEven((step.height - height) / 2 - 0.1) : 0
  return { scaleX: scale, scaleY: scale, left, top, width, height }
}

/**
 * The picture scaled into the middle or the corner of a grey one. YOLO programs scale with OpenCV,
 * which does not smooth; here Pillow's smoothing filter is used, as everywhere.
 */
export function letterboxPicture(
  picture: Picture,
  step: LetterboxStep,
  filter: ResizeFilter,
): Picture {
  const { width, height, left, top } = letterboxPlacement(picture, step)
  const resized = resizePicture(picture, width, height, filter)
  const rgb = new Uint8Array(step.width * step.height * 3).fill(PADDING)
  for (let y = 0; y < height; y++) {
    const row = resized.rgb.subarray(y * width * 3, (y + 1) * width * 3)
    rgb.set(row, ((y + top) * step.width + left) * 3)
  }
  return { width: step.width, height: step.height, rgb }
}
