import { ensure } from '../base/error.ts'
import type { Finding } from '../base/finding.ts'
import type { AnsweredQuestion } from './evaluate-types.ts'
import type { Measurement } from './task-types.ts'
import { rankOf, topClasses } from './top-k.ts'
import { meanWithInterval } from './wilson.ts'

/** The scores that a model gives the classes of one sample, and which class it has. */
export type ClassScores = {
  readonly id: number
  readonly name: string
  readonly scores: Float32Array
  readonly label: number
}

/**
 * Top-1 and top-5 accuracy with Wilson's interval.
 *
 * @param names - of the classes, where they are known
 */
export function classAccuracy(
  samples: readonly ClassScores[],
  names: readonly string[] | null,
): Measurement {
  const ranks = samples.map(({ scores, label, name }) => {
    ensure(
      label < scores.length,
      'invalid-dataset',
      `The sample "${name}" has the class ${label}; the model gives ${scores.length} scores, for the ` +
        `classes 0 to ${scores.length - 1}.`,
      { sample: name, label, classes: scores.length },
    )
    return rankOf(scores, label)
  })
  const within = (k: number): readonly number[] =>
    ranks.map((rank) => (rank >= 0 && rank < k ? 1 : 0))
  const right = within(1)
  const top5 = meanWithInterval(within(5))
  return {
    metric: 'top1-accuracy',
    ...meanWithInterval(right),
    metrics: {
      'top5-accuracy': top5.value,
      'top5-accuracy-low': top5.low,
      'top5-accuracy-high': top5.high,
    },
    findings: brokenScores(samples),
    answers: samples.map((sample, index) => answered(sample, right[index] ?? 0, names)),
    scores: right,
  }
}

function answered(
  { id, name, scores, label }: ClassScores,
  score: number,
  names: readonly string[] | null,
): AnsweredQuestion {
  const [best] = topClasses(scores, 1)
  const nameOf = (place: number): string => names?.[place] ?? String(place)
  return {
    id,
    imageId: id,
    image: name,
    question: '',
    questionType: 'class',
    answer: best === undefined ? '' : nameOf(best),
    expected: nameOf(label),
    score,
  }
}

function brokenScores(samples: readonly ClassScores[]): readonly Finding[] {
  const broken = samples.filter(({ scores }) => !scores.every(Number.isFinite))
  if (broken.length === 0) return []
  return [
    {
      code: 'not-finite-scores',
      severity: 'warning',
      message:
        `The model gave NaN or infinity among the scores of ${broken.length} sample(s), the first is ` +
        `"${broken[0]?.name ?? ''}". Store the layer that overflows at a higher precision.`,
    },
  ]
}
