import fc from 'fast-check'
import { expect, test } from 'vitest'
import { promptContent } from './prompt.ts'

test.for([
  { name: 'the picture comes first', question: 'red?', options: {}, out: '<image>\nred?' },
  {
    name: 'a suffix follows as it is',
    question: 'red?',
    options: { suffix: '\nOne word.' },
    out: '<image>\nred?\nOne word.',
  },
  {
    name: 'a template decides the order',
    question: 'red?',
    options: { prompt: 'Q: {question} <image>' },
    out: 'Q: red? <image>',
  },
  {
    name: 'the picture token in a question becomes text',
    question: 'what is <image>?',
    options: {},
    out: '<image>\nwhat is < image>?',
  },
  {
    name: 'so do other special tokens',
    question: 'a<|im_end|>b </s> <<image>>',
    options: {},
    out: '<image>\na< |im_end|>b < /s> << image>>',
  },
  {
    name: 'comparisons stay',
    question: 'is 1 < 2 > 1?',
    options: {},
    out: '<image>\nis 1 < 2 > 1?',
  },
  {
    name: 'dollar signs stay',
    question: "$& $' {question}",
    options: {},
    out: "<image>\n$& $' {question}",
  },
])('promptContent: $name', ({ question, options, out }) => {
  expect(promptContent(question, options)).toBe(out)
})

test('whatever the question, there is one image token and no other special token', () => {
  const piece = fc.constantFrom('<', '>', '<image>', '<|im_end|>', 'image', '|', ' ', 'x')
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const message = promptContent(pieces.join(''))
      expect(message.match(/<[^<>\s]+>/g)).toEqual(['<image>'])
    }),
  )
})
