/** Characters that a terminal obeys instead of showing: C0, C1 and marks that reverse text. */
const CONTROL = /[\p{Cc}\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu

/**
 * Text from outside, such as a layer's name, made safe to print: one line, and nothing in it can
 * move the cursor or change colours.
 */
export function printable(text: string): string {
  return text.replaceAll(CONTROL, escaped)
}

/** How many columns a text takes; our own texts have no wide characters. */
export function textWidth(text: string): number {
  let width = 0
  for (const _ of text) width++
  return width
}

/** Shortens to `width` columns by leaving out the middle, where names differ least. */
export function elide(text: string, width: number): string {
  const letters = [...text]
  if (letters.length <= width) return text
  if (width <= 1) return '…'.slice(0, width)
  const head = Math.floor((width - 1) / 2)
  const tail = width - 1 - head
  return `${letters.slice(0, head).join('')}…${letters.slice(letters.length - tail).join('')}`
}

/** Breaks at spaces into lines of at most `width` columns; a longer word stays whole. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && textWidth(longer) > width) {
      lines.push(line)
      line = word
    } else {
      line = longer
    }
  }
  return [...lines, line]
}

function escaped(character: string): string {
  if (character === '\n' || character === '\r' || character === '\t') return ' '
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
}
