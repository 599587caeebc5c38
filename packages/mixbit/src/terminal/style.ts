/** What a piece of text is; the terminal decides how that looks. */
export type Tone = 'strong' | 'faint' | 'good' | 'bad' | 'warning' | 'accent'

export type Paint = (tone: Tone, text: string) => string

/** ECMA-48 "select graphic rendition" codes: on and off. */
const CODES: Readonly<Record<Tone, readonly [number, number]>> = {
  strong: [1, 22],
  faint: [2, 22],
  good: [32, 39],
  bad: [31, 39],
  warning: [33, 39],
  accent: [36, 39],
}

/** Leaves text as it is. */
export const plainPaint: Paint = (_tone, text) => text

/** Colours text by escape codes. */
export const colourPaint: Paint = (tone, text) => {
  const [on, off] = CODES[tone]
  return text === '' ? '' : `\u001B[${on}m${text}\u001B[${off}m`
}

/** Colours on a terminal that shows them, unless `NO_COLOR` is set (https://no-color.org). */
export function paintFor(
  stream: { readonly isTTY: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  const unwanted = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb'
  return stream.isTTY && !unwanted ? colourPaint : plainPaint
}
