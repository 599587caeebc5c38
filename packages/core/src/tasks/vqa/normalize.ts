import { contractions } from './contractions.ts'

/** Removed, or replaced by a space, in this order. Apostrophe, colon and full stop are not here. */
const PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'.split('')

const NUMBER_WORDS: ReadonlyMap<string, string> = new Map([
  ['none', '0'],
  ['zero', '0'],
  ['one', '1'],
  ['two', '2'],
  ['three', '3'],
  ['four', '4'],
  ['five', '5'],
  ['six', '6'],
  ['seven', '7'],
  ['eight', '8'],
  ['nine', '9'],
  ['ten', '10'],
])

const ARTICLES: ReadonlySet<string> = new Set(['a', 'an', 'the'])

/** A comma between two digits, as in "1,000". Python's `\d` is any Unicode decimal digit. */
const COMMA_IN_NUMBER = /\p{Nd},\p{Nd}/u

/**
 * A full stop that no digit follows. The official pattern also means to look behind for a digit,
 * but its look-behind is misspelled as a look-ahead that always holds.
 */
const FULL_STOP = /\.(?!\p{Nd})/gu

/** The official call passes `re.UNICODE` (32) where the largest number of replacements belongs. */
const MOST_FULL_STOPS = 32

/** What Python's `str.split` and `str.strip` call white space; JavaScript's `\s` differs. */
const SPACE =
  '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const SPACE_AT_ENDS = new RegExp(`^${SPACE}+|${SPACE}+$`, 'g')
const SPACES = new RegExp(`${SPACE}+`)

/** What is always done to an answer: line breaks and tabs become spaces, and its ends are cut. */
export function trimAnswer(text: string): string {
  return text.replace(/[\n\t]/g, ' ').replace(SPACE_AT_ENDS, '')
}

/**
 * Normalises an answer as VQAv2's official evaluation does, its oddities included.
 *
 * @see https://github.com/GT-Vision-Lab/VQA PythonEvaluationTools/vqaEvaluation/vqaEval.py,
 * `processPunctuation` and then `processDigitArticle`
 */
export function normalizeAnswer(text: string): string {
  return restoreWords(removePunctuation(text))
}

/**
 * A mark goes without a trace if it touches a space anywhere in the *original* text, or if that has
 * a comma inside a number; else each of its occurrences becomes a space.
 */
function removePunctuation(text: string): string {
  const hasNumberWithComma = COMMA_IN_NUMBER.test(text)
  let out = text
  for (const mark of PUNCTUATION) {
    const vanishes = hasNumberWithComma || text.includes(`${mark} `) || text.includes(` ${mark}`)
    out = out.replaceAll(mark, vanishes ? '' : ' ')
  }
  let removed = 0
  return out.replace(FULL_STOP, (stop) => (removed++ < MOST_FULL_STOPS ? '' : stop))
}

/** Lower case, number words to digits, no articles, apostrophes restored, single spaces. */
function restoreWords(text: string): string {
  return text
    .toLowerCase()
    .split(SPACES)
    .map((word) => NUMBER_WORDS.get(word) ?? word)
    .filter((word) => word !== '' && !ARTICLES.has(word))
    .map((word) => contractions.get(word) ?? word)
    .join(' ')
}
