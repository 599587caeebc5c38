import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mostFrequentAnswer, vqaAccuracy } from './score.ts'

const agree = (count: number, answer: string, other: string, total = 10): string[] => [
  ...Array.from({ length: count }, () => answer),
  ...Array.from({ length: total - count }, () => other),
]

// By hand: with ten answers of which n match, ((n·min(3, n−1)) + (10−n)·min(3, n)) / 30.
test.for([
  { matches: 0, score: 0 },
  { matches: 1, score: 0.3 },
  { matches: 2, score: 0.6 },
  { matches: 3, score: 0.9 },
  { matches: 4, score: 1 },
  { matches: 9, score: 1 },
  { matches: 10, score: 1 },
])('vqaAccuracy: $matches of ten annotators agree', ({ matches, score }) => {
  expect(vqaAccuracy('cat', agree(matches, 'cat', 'dog'))).toBe(score)
})

test.for([
  { name: 'one annotator can never agree with another', expected: ['cat'], score: 0 },
  { name: 'two', expected: ['cat', 'cat'], score: 1 / 3 },
  { name: 'three', expected: ['cat', 'cat', 'cat'], score: 2 / 3 },
  { name: 'four', expected: ['cat', 'cat', 'cat', 'cat'], score: 1 },
  { name: 'one of two', expected: ['cat', 'dog'], score: 1 / 6 },
])('vqaAccuracy with other numbers of annotators: $name', ({ expected, score }) => {
  expect(vqaAccuracy('cat', expected)).toBe(score)
})

test.for([
  { name: 'all agree, raw text equal', answer: 'Yes.', expected: agree(10, 'Yes.', ''), score: 1 },
  { name: 'all agree, capitals differ', answer: 'Yes', expected: agree(10, 'yes', ''), score: 0 },
  { name: 'all agree, 2 is not two', answer: '2', expected: agree(10, 'two', ''), score: 0 },
  {
    name: 'all agree after the ends are cut',
    answer: 'yes',
    expected: agree(5, 'yes\n', ' yes'),
    score: 1,
  },
  {
    name: 'one differs, so all is normalised',
    answer: 'YES!',
    expected: agree(9, 'yes', 'no'),
    score: 1,
  },
  { name: 'number words match digits', answer: '2', expected: agree(9, 'two', 'three'), score: 1 },
  {
    name: 'spellings merge after normalisation',
    answer: 'the cat',
    expected: agree(2, 'Cat', 'a cat'),
    score: 1,
  },
  { name: 'an empty answer is wrong', answer: '', expected: agree(10, 'yes', ''), score: 0 },
  {
    name: 'an article equals an empty answer',
    answer: '',
    expected: agree(1, 'a', 'b'),
    score: 0.3,
  },
])('vqaAccuracy: $name', ({ answer, expected, score }) => {
  expect(vqaAccuracy(answer, expected)).toBe(score)
})

test('vqaAccuracy is the mean over left-out annotators, for any number of answers', () => {
  const word = fc.constantFrom('cat', 'dog', 'red')
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), word, (expected, answer) => {
      const scores = expected.map((_, left) => {
        const others = expected.filter((text, index) => index !== left && text === answer)
        return Math.min(1, others.length / 3)
      })
      const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
      expect(vqaAccuracy(answer, expected)).toBeCloseTo(mean, 12)
    }),
  )
})

test('mostFrequentAnswer takes the first on a tie', () => {
  expect(mostFrequentAnswer(['a', 'b', 'b', 'a', 'c'])).toBe('a')
  expect(mostFrequentAnswer(['a', 'b', 'b'])).toBe('b')
})
