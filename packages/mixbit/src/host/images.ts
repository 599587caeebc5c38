import { readFile, stat } from 'node:fs/promises'
import { MixbitError } from '@mixbit/core/worker'
import type { Picture } from '@mixbit/core'
import { systemCode } from './file-error.ts'

/**
 * Most pixels in one picture: twice Pillow's MAX_IMAGE_PIXELS (1 GiB / 4 / 3), the size at which
 * Pillow raises DecompressionBombError. Such a picture takes 537 MB as RGB.
 */
const MOST_PIXELS = 178_956_970

/** A larger file cannot hold a picture within `MOST_PIXELS` in any format that is read. */
const MOST_BYTES = 2 ** 30

/** Formats of pixels; SVG and PDF are programs that draw, not pictures of a data set. */
const FORMATS: readonly string[] = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif']

/**
 * Decodes a picture as `Image.open(path).convert('RGB')` of Pillow does, to the same bytes.
 *
 * That is what LLaVA's and FastVLM's own evaluation does: pixels as stored, the EXIF orientation
 * and colour profiles not applied, alpha dropped, grey repeated, 16 bits cut to 8 (Pillow clips
 * 16-bit grey at 255, which is a known fault of it and not repeated here), CMYK mixed without a
 * profile. transformers' `load_image` and transformers.js turn pictures by their EXIF
 * orientation; a data set with such pictures should be turned once, beforehand.
 */
export async function decodeImage(path: string): Promise<Picture> {
  const bytes = await readPicture(path)
  try {
    return await decode(path, bytes)
  } catch (error) {
    if (error instanceof MixbitError) throw error
    const reason = error instanceof Error ? firstLine(error.message) : String(error)
    const message = `The picture "${path}" cannot be decoded: ${reason}.`
    throw new MixbitError('invalid-image', message, { image: path }, { cause: error })
  }
}

async function decode(path: string, bytes: Uint8Array): Promise<Picture> {
  const { default: sharp } = await import('sharp')
  sharp.cache(false)
  const input = sharp(bytes, { ignoreIcc: true, failOn: 'error', limitInputPixels: MOST_PIXELS })
  const { format, space } = await input.metadata()
  if (!FORMATS.includes(format)) {
    throw invalid(path, `is a ${format} file; pictures are ${FORMATS.join(', ')}`)
  }
  const isCmyk = space === 'cmyk'
  const pixels = isCmyk
    ? input.pipelineColourspace('cmyk').toColourspace('cmyk')
    : input.removeAlpha().toColourspace('srgb')
  const { data, info } = await pixels.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
  const wanted = isCmyk ? 4 : 3
  if (info.channels !== wanted) throw invalid(path, `has ${info.channels} channels`)
  return { width: info.width, height: info.height, rgb: isCmyk ? mixCmyk(data) : owned(data) }
}

/** The file's bytes; read here, because sharp keeps pictures by their path. */
async function readPicture(path: string): Promise<Uint8Array> {
  try {
    const facts = await stat(path)
    if (!facts.isFile()) throw invalid(path, 'is not a file')
    if (facts.size > MOST_BYTES) throw invalid(path, `has ${facts.size} bytes, too many`)
    return await readFile(path)
  } catch (error) {
    const code = systemCode(error)
    if (error instanceof MixbitError || code === undefined) throw error
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR'
    throw new MixbitError(
      isMissing ? 'missing-image' : 'invalid-image',
      `The picture "${path}" ${isMissing ? 'does not exist' : `cannot be read (${code})`}.`,
      { image: path },
      { cause: error },
    )
  }
}

/**
 * Pillow's CMYK to RGB: `r = (255 − k) − c · (255 − k) / 255`, rounded.
 * https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Convert.c, `cmyk2rgb`.
 *
 * @param cmyk - uint8, shape (pixels, 4), 255 is full ink
 * @returns uint8, shape (pixels, 3)
 */
function mixCmyk(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3)
  for (let pixel = 0; pixel * 4 < cmyk.length; pixel++) {
    const light = 255 - (cmyk[pixel * 4 + 3] ?? 0)
    for (let c = 0; c < 3; c++) {
      const ink = Math.round(((cmyk[pixel * 4 + c] ?? 0) * light) / 255)
      rgb[pixel * 3 + c] = light - ink
    }
  }
  return rgb
}

/** A copy in memory of JavaScript's own: sharp's buffer cannot move to another thread. */
function owned(data: Uint8Array): Uint8Array {
  return Uint8Array.from(data)
}

function invalid(path: string, reason: string): MixbitError {
  return new MixbitError('invalid-image', `The picture "${path}" ${reason}.`, { image: path })
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text
}
