import { normalizeAnswer, trimAnswer } from './normalize.ts'
import { vqaAccuracy } from './score.ts'

/** How the answers of a data set are scored. */
export type Scoring = 'vqa' | 'textvqa' | 'gqa' | 'coco-qa'

/** The metric's name in an evaluation. */
export const SCORING_METRICS: Readonly<Record<Scoring, string>> = {
  vqa: 'vqa-accuracy',
  textvqa: 'textvqa-accuracy',
  gqa: 'gqa-accuracy',
  'coco-qa': 'coco-qa-accuracy',
}

/** The score of one answer, 0 to 1. */
export function answerScore(scoring: Scoring, answer: string, expected: readonly string[]): number {
  switch (scoring) {
    case 'vqa':
      return vqaAccuracy(answer, expected)
    case 'textvqa':
      return textvqaAccuracy(answer, expected)
    case 'gqa':
    case 'coco-qa':
      return exactMatch(answer, expected)
  }
}

/**
 * 1 where the answer is the expected word: the full stops that models put at the end are cut off and
 * letters are lower case, as LLaVA's GQA evaluation does; nothing else is forgiven.
 *
 * @see https://github.com/haotian-liu/LLaVA/blob/v1.2.0/scripts/convert_gqa_for_eval.py
 */
function exactMatch(answer: string, expected: readonly string[]): number {
  const plain = (text: string): string => text.trim().replace(/\.+$/, '').toLowerCase()
  return expected.some((each) => plain(each) === plain(answer)) ? 1 : 0
}

/**
 * TextVQA's accuracy: VQA accuracy of answers that are always normalised, after commas and question
 * marks are taken out and a possessive 's becomes a word.
 *
 * @see https://github.com/facebookresearch/mmf/blob/v0.3.1/mmf/utils/m4c_evaluators.py
 */
export function textvqaAccuracy(answer: string, expected: readonly string[]): number {
  const given = evalAiAnswer(answer)
  const matches = expected.filter((each) => evalAiAnswer(each) === given).length
  const total = expected.length
  const thirds = matches * Math.min(3, matches - 1) + (total - matches) * Math.min(3, matches)
  return matches === 0 ? 0 : thirds / (3 * total)
}

function evalAiAnswer(text: string): string {
  const words = text.toLowerCase().replaceAll(',', '').replaceAll('?', '').replaceAll("'s", " 's")
  return normalizeAnswer(trimAnswer(words))
}
