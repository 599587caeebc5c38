import { normalizeAnswer, trimAnswer } from './normalize.ts'

/**
 * VQA accuracy of one answer, 0 to 1: the mean over the annotators of
 * `min(1, (number of the other annotators who said the same) / 3)`.
 *
 * With ten annotators of whom n agree this is 0, 0.3, 0.6, 0.9 and then 1. Fewer than four
 * annotators cannot give 1, a single one always gives 0: that is the definition.
 *
 * Answers are normalised only if the annotators' answers differ. Where all agree, the raw text must
 * be equal, capital letters included (so that text read from a picture is compared as it is).
 *
 * The official program sums thirds in floating point, and its last bits depend on Python's
 * version; here the same fraction is computed from integers and rounded once.
 *
 * @param expected - the annotators' answers, at least one
 * @see https://github.com/GT-Vision-Lab/VQA PythonEvaluationTools/vqaEvaluation/vqaEval.py
 */
export function vqaAccuracy(answer: string, expected: readonly string[]): number {
  if (expected.length === 0) throw new TypeError('vqaAccuracy needs at least one expected answer')
  const trimmed = expected.map(trimAnswer)
  const allAgree = new Set(trimmed).size === 1
  const normalize = allAgree ? (text: string) => text : normalizeAnswer
  const given = normalize(trimAnswer(answer))
  const matches = trimmed.filter((text) => normalize(text) === given).length
  const total = trimmed.length
  const thirds = matches * Math.min(3, matches - 1) + (total - matches) * Math.min(3, matches)
  return matches === 0 ? 0 : thirds / (3 * total)
}

/** The answer that most annotators gave; the first of them in file order on a tie. */
export function mostFrequentAnswer(expected: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const text of expected) counts.set(text, (counts.get(text) ?? 0) + 1)
  let best = ''
  let bestCount = 0
  for (const [text, count] of counts) {
    if (count > bestCount) {
      best = text
      bestCount = count
    }
  }
  return best
}
