import fc from 'fast-check'
import { expect, test } from 'vitest'
import { joinCocoQa } from './read-coco-qa.ts'
import { readGqa } from './read-gqa.ts'
import { readTextvqa } from './read-textvqa.ts'
import { answerScore, textvqaAccuracy } from './scoring.ts'
import { topLevelKeys } from './top-level-keys.ts'

test.for([
  { answer: 'red', expected: ['red'], score: 1 },
  { answer: ' Red. ', expected: ['red'], score: 1 },
  { answer: 'a red', expected: ['red'], score: 0 },
  { answer: '', expected: ['red'], score: 0 },
])('exact match of "$answer"', ({ answer, expected, score }) => {
  expect(answerScore('gqa', answer, expected)).toBe(score)
  expect(answerScore('coco-qa', answer, expected)).toBe(score)
})

const ten = (same: number, text: string): readonly string[] =>
  Array.from({ length: 10 }, (_, i) => (i < same ? text : `other ${i}`))

// The evaluator of mmf: the mean over the annotators of min(1, others who agree / 3).
test.for([
  { same: 0, score: 0 },
  { same: 1, score: 0.3 },
  { same: 2, score: 0.6 },
  { same: 3, score: 0.9 },
  { same: 4, score: 1 },
])('TextVQA: $same of ten annotators agree', ({ same, score }) => {
  expect(textvqaAccuracy('stop', ten(same, 'stop'))).toBeCloseTo(score, 12)
})

test.for([
  { name: 'letters and full stops', answer: 'STOP.', expected: 'stop' },
  { name: 'commas, even in numbers', answer: '1,000', expected: '1000' },
  { name: 'question marks', answer: 'what?', expected: 'what' },
  { name: "a possessive's own word", answer: "joe's", expected: "joe 's" },
  { name: 'number words and articles', answer: 'the two dogs', expected: '2 dogs' },
])('TextVQA forgives $name even where all annotators agree', ({ answer, expected }) => {
  expect(answerScore('textvqa', answer, ten(10, expected))).toBe(1)
  expect(answerScore('textvqa', 'something else', ten(10, expected))).toBe(0)
})

const lines = (file: string, text: string) => ({ file, text })
const coco = {
  questions: lines('q', 'what is it\nhow many dogs \n'),
  answers: lines('a', 'cat\r\ntwo'),
  imageIds: lines('i', '42\n000000000007\n'),
  types: lines('t', '0\n1\n'),
}

test('line n of each COCO-QA file is question n', () => {
  const [, second] = joinCocoQa(coco)
  expect(second).toEqual({
    id: 2,
    imageId: 7,
    question: 'how many dogs',
    questionType: 'number',
    answerType: 'number',
    answers: ['two'],
  })
  const unlabelled = joinCocoQa({ ...coco, answers: null, types: null })
  expect(unlabelled[0]).toMatchObject({ answers: [], questionType: 'unspecified' })
})

test.for([
  {
    name: 'a line too few',
    more: { answers: lines('a', 'cat') },
    says: 'a has 1 lines and q has 2',
  },
  { name: 'a type that is not there', more: { types: lines('t', '0\n4') }, says: 'line 2 is "4"' },
  { name: 'a name for a number', more: { imageIds: lines('i', '1\nx') }, says: 'line 2 is "x"' },
  { name: 'an empty line', more: { questions: lines('q', 'a\n\nb') }, says: 'line 2 is empty' },
])('COCO-QA with $name is refused', ({ more, says }) => {
  expect(() => joinCocoQa({ ...coco, ...more })).toThrow(
    expect.objectContaining({ code: 'invalid-dataset', message: expect.stringContaining(says) }),
  )
})

const entry = { imageId: '7', question: 'Is it?', answer: 'yes', isBalanced: true }
const gqa = (text: string) => readGqa(JSON.parse(text), text, 'g.json', 'required')

test('GQA keeps the order of the file, whatever its ids look like', () => {
  const types = { structural: 'verify', semantic: 'attr', detailed: 'x' }
  const text = `{"20": ${JSON.stringify({ ...entry, types })}, "03": ${JSON.stringify(entry)}, "1": ${JSON.stringify({ ...entry, question: 'a "{:"?' })}}`
  const questions = gqa(text)
  expect(questions.map(({ question }) => question)).toEqual(['Is it?', 'Is it?', 'a "{:"?'])
  expect(questions[0]).toMatchObject({
    id: 1,
    questionType: 'verify',
    answerType: 'attr',
    imageId: '7',
  })
  expect(questions[1]).toMatchObject({ id: 2, questionType: 'unspecified', answers: ['yes'] })
})

test.for([
  {
    name: 'an id twice',
    text: `{"1": ${JSON.stringify(entry)}, "1": ${JSON.stringify(entry)}}`,
    code: 'invalid-dataset',
  },
  { name: 'no answer', text: '{"1": {"imageId": "1", "question": "x"}}', code: 'invalid-dataset' },
  { name: 'a list', text: '[]', code: 'invalid-dataset' },
  { name: 'nothing', text: '{}', code: 'empty-dataset' },
  { name: 'a number for a question', text: '{"1": 3}', code: 'invalid-dataset' },
])('GQA with $name is refused', ({ text, code }) => {
  expect(() => gqa(text)).toThrow(expect.objectContaining({ code }))
})

test('the keys of any object are found in their order', () => {
  const value = fc.jsonValue({ maxDepth: 2 })
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), value), { maxLength: 5 }), (pairs) => {
      const body = pairs.map(([key, each]) => `${JSON.stringify(key)} : ${JSON.stringify(each)}`)
      expect(topLevelKeys(`{ ${body.join(' , ')} }`)).toEqual(pairs.map(([key]) => key))
    }),
  )
})

test('TextVQA has its answers in the same file', () => {
  const data = [
    { question_id: 3, image_id: 'ab', question: 'x', answers: ['a', 'b'], image_width: 1 },
  ]
  expect(readTextvqa({ data }, 't.json', 'required')).toEqual([
    {
      id: 3,
      imageId: 'ab',
      question: 'x',
      questionType: 'unspecified',
      answerType: 'unspecified',
      answers: ['a', 'b'],
    },
  ])
  const bare = { data: [{ question_id: 3, image_id: 'ab', question: 'x' }] }
  expect(readTextvqa(bare, 't.json', 'optional')).toHaveLength(1)
  expect(() => readTextvqa(bare, 't.json', 'required')).toThrow('data[0] has no answers')
  expect(() => readTextvqa({ data: [...data, ...data] }, 't.json', 'required')).toThrow(
    'repeats question_id 3',
  )
  expect(() => readTextvqa({ data: [] }, 't.json', 'required')).toThrow('no questions')
})
