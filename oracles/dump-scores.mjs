// Scores answers with Mixbit's VQA accuracy:
//   node oracles/dump-scores.mjs < [{"answer": "...", "expected": ["...", ...]}, ...] > [0.3, ...]
import { readFileSync } from 'node:fs'

import { vqaAccuracy } from '../packages/core/dist/tasks/vqa/score.js'

const questions = JSON.parse(readFileSync(0, 'utf8'))
const scores = questions.map(({ answer, expected }) => vqaAccuracy(answer, expected))
process.stdout.write(`${JSON.stringify(scores)}\n`)
