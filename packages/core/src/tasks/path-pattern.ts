import { MixbitError } from '../base/error.ts'

/** A picture's number or name in its data set. */
export type ImageId = number | string

/** More digits than this are no file name. */
const WIDEST = 32

const PLACEHOLDER = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g

/**
 * Makes the function that writes a picture's path: Python's format strings, as far as
 * `{image_id}`, `{image_id:06}` and `{image_id:012d}`. `{{` and `}}` stand for braces.
 *
 * @param file - the descriptor, for messages
 */
export function imagePathWriter(pattern: string, file: string): (imageId: ImageId) => string {
  const parts = [...pattern.matchAll(PLACEHOLDER)].map((match) => part(match, pattern, file))
  if (!parts.some(({ kind }) => kind === 'id')) {
    throw badPattern(
      pattern,
      file,
      'it has no {image_id}, so every question would have one picture',
    )
  }
  return (imageId) => {
    let path = ''
    let from = 0
    for (const each of parts) {
      path += pattern.slice(from, each.start)
      path += each.kind === 'id' ? writeId(imageId, each.digits, pattern, file) : each.text
      from = each.end
    }
    return path + pattern.slice(from)
  }
}

type Part = { readonly start: number; readonly end: number } & (
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'id'; readonly digits: number }
)

function part(match: RegExpExecArray, pattern: string, file: string): Part {
  const [all, inside] = match
  const span = { start: match.index, end: match.index + all.length }
  if (all === '{{' || all === '}}') return { ...span, kind: 'text', text: all.slice(1) }
  if (inside === undefined) throw badPattern(pattern, file, `"${all}" stands alone`)
  const [, digits = '0'] = /^image_id(?::0(\d{1,3})d?)?$/.exec(inside) ?? [undefined, '-1']
  if (digits === '-1' || Number(digits) > WIDEST) {
    throw badPattern(pattern, file, `"${all}" is not known`)
  }
  return { ...span, kind: 'id', digits: Number(digits) }
}

function writeId(imageId: ImageId, digits: number, pattern: string, file: string): string {
  if (typeof imageId === 'string' && digits > 0) {
    throw badPattern(pattern, file, `image id "${imageId}" is text, which zeros cannot fill up`)
  }
  return String(imageId).padStart(digits, '0')
}

function badPattern(pattern: string, file: string, reason: string): MixbitError {
  return new MixbitError(
    'invalid-dataset',
    `${file}: images "${pattern}": ${reason}. Allowed: {image_id}, {image_id:06}, {image_id:06d}.`,
    { file, key: 'images', pattern },
  )
}
