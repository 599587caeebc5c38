import { expect, test } from 'vitest'
import type { AnsweredQuestion } from './evaluate-types.ts'
import { compareEvaluations } from './paired.ts'

const answered = (id: number, answer: string, score: number): AnsweredQuestion => ({
  id,
  imageId: 1,
  image: '1.jpg',
  question: 'q',
  questionType: 't',
  expected: 'yes',
  answer,
  score,
})

test('questions are paired by id, whatever their order', () => {
  const before = [
    answered(1, 'yes', 1),
    answered(2, 'no', 0),
    answered(3, 'yes', 0.9),
    answered(4, 'a', 0),
  ]
  const after = [
    answered(4, 'b', 0),
    answered(3, 'yep', 0.3),
    answered(2, 'yes', 1),
    answered(1, 'no', 0),
  ]
  const { changed, ...numbers } = compareEvaluations(before, after)
  expect(numbers).toEqual({
    questions: 4,
    worse: 2,
    better: 1,
    difference: expect.closeTo(-0.15, 12),
    pValue: 1,
  })
  expect(changed.map(({ id }) => id)).toEqual([1, 3, 4, 2])
  expect(changed[1]).toEqual({
    id: 3,
    imageId: 1,
    image: '1.jpg',
    question: 'q',
    questionType: 't',
    expected: 'yes',
    before: { answer: 'yes', score: 0.9 },
    after: { answer: 'yep', score: 0.3 },
  })
})

test('equal evaluations differ in nothing', () => {
  const same = [answered(1, 'yes', 1)]
  expect(compareEvaluations(same, same)).toEqual({
    questions: 1,
    worse: 0,
    better: 0,
    difference: 0,
    pValue: 1,
    changed: [],
  })
  expect(compareEvaluations([], []).difference).toBe(0)
})

test.for([
  { name: 'one has more', after: [answered(1, 'yes', 1), answered(2, 'yes', 1)] },
  { name: 'another id', after: [answered(2, 'yes', 1)] },
])('evaluations of different questions are refused: $name', ({ after }) => {
  expect(() => compareEvaluations([answered(1, 'yes', 1)], after)).toThrow(
    expect.objectContaining({ code: 'invalid-dataset' }),
  )
})
