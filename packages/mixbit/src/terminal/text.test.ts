import fc from 'fast-check'
import { expect, test } from 'vitest'
import { elide, printable, textWidth, wrap } from './text.ts'

test.for([
  ['plain', 'plain'],
  ['two\nlines\tand tabs', 'two lines and tabs'],
  ['\u001B[31mred', '\\u001b[31mred'],
  ['\u009B31m', '\\u009b31m'],
  ['abc\u202Etxt', 'abc\\u202etxt'],
  ['größe 大', 'größe 大'],
] as const)('printable: %j is shown as %j', ([text, shown]) => {
  expect(printable(text)).toBe(shown)
})

test('nothing that a terminal obeys is left in printable text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\u2028-\u202E]/u)
    }),
  )
})

test.for([
  ['decoder.layers.0.mlp', 11, 'decod…0.mlp'],
  ['short', 5, 'short'],
  ['shorter', 1, '…'],
  ['shorter', 0, ''],
] as const)('elide: %s in %i columns is %s', ([text, width, shown]) => {
  expect(elide(text, width)).toBe(shown)
})

test('elided text never takes more columns than it has', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, width) => {
      expect(textWidth(elide(text, width))).toBeLessThanOrEqual(width)
    }),
  )
})

test('wrap breaks at spaces, keeps every word, and leaves a long word whole', () => {
  expect(wrap('one two three', 7)).toEqual(['one two', 'three'])
  expect(wrap('a verylongword b', 4)).toEqual(['a', 'verylongword', 'b'])
  expect(wrap('', 10)).toEqual([''])
})
