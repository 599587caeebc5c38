// Answers questions by the example program's functions:
//   node answer-with-transformers-js.mjs < {"folder": "...", "questions": [{"picture", "question"}]}
// The answers as one JSON array on stdout. Whoever asks the network for something fails.
import { readFileSync } from 'node:fs'

import { env } from '@huggingface/transformers'

import { answerQuestion, loadModel } from '../../../examples/answer-question.mjs'

env.fetch = (url) => {
  throw new Error(`something was to be fetched: ${url}`)
}
globalThis.fetch = env.fetch

const { folder, questions } = JSON.parse(readFileSync(0, 'utf8'))
const model = await loadModel(folder)
const answers = []
for (const { picture, question } of questions) {
  answers.push(await answerQuestion(model, picture, question))
}
process.stdout.write(JSON.stringify(answers))
