import fc from 'fast-check'
import { expect, test } from 'vitest'
import { normalizeAnswer, trimAnswer } from './normalize.ts'

// Expected values: by hand from the official program's source.
test.for([
  { name: 'letters become small', text: 'Yes', out: 'yes' },
  { name: 'number words become digits', text: 'two dogs and ten cats', out: '2 dogs and 10 cats' },
  { name: 'none and zero are 0', text: 'none zero', out: '0 0' },
  { name: 'eleven stays a word', text: 'eleven', out: 'eleven' },
  { name: 'articles go', text: 'The cat on a mat with an eye', out: 'cat on mat with eye' },
  { name: 'an answer that is only an article becomes empty', text: 'A', out: '' },
  { name: 'runs of white space become one space', text: ' red \r\n  car ', out: 'red car' },
  {
    name: 'a mark between letters becomes a space',
    text: 'black-and-white',
    out: 'black and white',
  },
  { name: 'a mark beside a space vanishes', text: 'red, blue', out: 'red blue' },
  {
    name: 'a mark beside a space anywhere vanishes everywhere',
    text: 'x-ray - scan',
    out: 'xray scan',
  },
  { name: 'a comma inside a number vanishes', text: '1,000', out: '1000' },
  {
    name: 'a comma inside a number makes every mark vanish',
    text: '1,000-piece/set',
    out: '1000pieceset',
  },
  { name: 'the last mark becomes a space that is cut', text: 'yes!', out: 'yes' },
  { name: 'conditions look at the original text', text: 'a/b/ c', out: 'ab c' },
  { name: 'a full stop at the end goes', text: 'yes.', out: 'yes' },
  { name: 'a full stop before a digit stays', text: 'v.2 3.5', out: 'v.2 3.5' },
  { name: 'a full stop after a digit goes in spite of the look-behind', text: '3. x', out: '3 x' },
  { name: 'a full stop between letters goes without a space', text: 'u.s.a', out: 'usa' },
  { name: 'only 32 full stops are removed', text: '.'.repeat(35), out: '...' },
  { name: 'apostrophe and colon stay', text: "dog's 5:30", out: "dog's 5:30" },
  { name: 'missing apostrophes are restored', text: 'dont Couldntve', out: "don't couldntve" },
  { name: 'one of two apostrophes is restored', text: "couldn'tve", out: "couldn't've" },
  { name: 'a form with three is restored', text: "ow's'at 'ow'sat", out: "'ow's'at 'ow's'at" },
  { name: "the odd entry removes one: somebody'd", text: "somebody'd", out: 'somebodyd' },
  { name: 'entries with capitals never apply', text: 'Im Ive', out: 'im ive' },
  { name: 'lets is not in the table', text: "lets let's", out: "lets let's" },
  { name: 'other scripts keep their letters', text: 'Ärger 日本', out: 'ärger 日本' },
  { name: 'any decimal digit protects its full stop', text: 'x.٣', out: 'x.٣' },
  { name: 'a byte order mark is not white space for Python', text: 'a\ufeffb', out: 'a\ufeffb' },
  { name: 'a unit separator is white space for Python', text: 'b\x1fc', out: 'b c' },
  { name: 'names of object members are plain words', text: 'constructor', out: 'constructor' },
])('normalizeAnswer: $name', ({ text, out }) => {
  expect(normalizeAnswer(text)).toBe(out)
})

test('trimAnswer turns line breaks and tabs into spaces and cuts the ends', () => {
  expect(trimAnswer('\n red\tcar\r\n')).toBe('red car')
  expect(trimAnswer('red\rcar')).toBe('red\rcar')
})

test('a normalised answer has single spaces and no article', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const words = normalizeAnswer(text).split(' ')
      expect(words.every((word) => !['a', 'an', 'the'].includes(word))).toBe(true)
      expect(words.length === 1 || words.every((word) => word !== '')).toBe(true)
    }),
  )
})
