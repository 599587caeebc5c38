// How long 2,000 questions take on the float model:
//   npm run -s bench:evaluate
import { printFigure, runMixbit } from './run-mixbit.mjs'

const QUESTIONS = 2000
const MOST_SECONDS = 60

const { stdout, seconds, peakBytes } = runMixbit([
  'evaluate',
  'fixtures/fastvlm-nano',
  '--data=fixtures/pocket-vqa/val.json',
  `--limit=${QUESTIONS}`,
  '--json',
])
const { value, samples } = JSON.parse(stdout)
if (samples !== QUESTIONS) throw new Error(`${samples} questions were answered, not ${QUESTIONS}`)
printFigure('evaluate, whole command', Number(seconds.toFixed(1)), 's', MOST_SECONDS)
printFigure('questions a second', Math.round(samples / seconds), '1/s')
printFigure('maximum resident set', Math.round(peakBytes / 1e6), 'MB')
printFigure('VQA accuracy', Number(value.toFixed(4)), '')
