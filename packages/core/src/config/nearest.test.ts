import fc from 'fast-check'
import { expect, test } from 'vitest'
import { editDistance, nearest, nearestNames, suggestion } from './nearest.ts'

// Counted by hand.
test.for([
  ['', '', 0],
  ['', 'abc', 3],
  ['kitten', 'sitting', 3],
  ['limit', 'limt', 1],
  ['target', 'tagret', 1],
  ['preset', 'presets', 1],
] as const)('editDistance: "%s" to "%s" is %i', ([a, b, distance]) => {
  expect(editDistance(a, b)).toBe(distance)
})

test('the distance is symmetric, and zero only between equal words', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a))
      expect(editDistance(a, b) === 0).toBe(a === b)
    }),
  )
})

test.for([
  ['evalution', 'evaluation'],
  ['tagret', 'target'],
  ['MaxDrop', 'maxDrop'],
  ['xyz', undefined],
  ['x'.repeat(5000), undefined],
] as const)('nearest: "%s" was meant to be %s', ([word, meant]) => {
  expect(nearest(word, ['target', 'evaluation', 'maxDrop'])).toBe(meant)
})

test('nearestNames lists the most similar first, and at most as many as asked', () => {
  const names = ['decoder.layers.0.mlp', 'decoder.layers.1.mlp', 'vision_encoder.stem']
  expect(nearestNames('decoder.layer.1.mlp', names, 2)).toEqual([
    'decoder.layers.1.mlp',
    'decoder.layers.0.mlp',
  ])
})

test('suggestion is a sentence or nothing', () => {
  expect(suggestion('limt', ['limit'])).toBe(' Did you mean "limit"?')
  expect(suggestion('zzz', ['limit'])).toBe('')
})
