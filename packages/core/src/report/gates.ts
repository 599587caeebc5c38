import type { Finding } from '../base/finding.ts'
import type { Accuracy } from '../evaluate/evaluate-types.ts'
import type { Gate } from './report-types.ts'

/** What one evaluation set must fulfil. */
export type GateLimits = {
  /** Largest accepted loss of accuracy, a fraction. */
  readonly maxDrop: number
  /** Smallest accepted share of the float model's accuracy, a fraction. */
  readonly minRetained: number
}

/** One evaluated set: the float model's accuracy and the written model's. */
export type GatedSet = {
  readonly name: string
  readonly limits: GateLimits
  readonly before: Pick<Accuracy, 'value'>
  readonly after: Pick<Accuracy, 'value'>
}

/**
 * Accuracies are sums of thirds and tenths over thousands of questions: a loss of exactly the limit
 * may come out larger in its last bits, and is accepted.
 */
const TOLERANCE = 1e-9

/**
 * The accuracy gates of every set, and the size gate when there is a budget.
 *
 * @param size - bytes of the written model files, and the most they may take
 */
export function gatesOf(
  sets: readonly GatedSet[],
  size: { readonly bytes: number; readonly budget: number | null },
): readonly Gate[] {
  const accuracy = sets.flatMap((set) => accuracyGates(set, sets.length > 1 ? `:${set.name}` : ''))
  return size.budget === null ? accuracy : [...accuracy, sizeGate(size.bytes, size.budget)]
}

/** Sets on which the float model itself has no right answer: their gates say little. */
export function gateFindings(sets: readonly GatedSet[]): readonly Finding[] {
  return sets
    .filter(({ before }) => before.value === 0)
    .map(({ name }) => ({
      code: 'float-accuracy-zero',
      severity: 'warning',
      subject: name,
      message:
        `The float model answers no question of ${name} right, so nothing could be lost there. ` +
        'Check the prompt and that the data suit the model.',
    }))
}

/**
 * Where the float model has no right answer, nothing can be retained, and there is no such gate:
 * `gateFindings` says so.
 */
function accuracyGates(set: GatedSet, suffix: string): readonly Gate[] {
  return set.before.value === 0
    ? [dropGate(set, suffix)]
    : [dropGate(set, suffix), retainedGate(set, suffix)]
}

function dropGate(set: GatedSet, suffix: string): Gate {
  const drop = set.before.value - set.after.value
  return {
    name: `max-drop${suffix}`,
    status: status(drop <= set.limits.maxDrop + TOLERANCE),
    limit: set.limits.maxDrop,
    measured: drop,
    text:
      `Accuracy on ${set.name} may fall by at most ${points(set.limits.maxDrop)} points; ` +
      `it ${drop >= 0 ? 'fell' : 'rose'} by ${points(Math.abs(drop))}.`,
  }
}

function retainedGate(set: GatedSet, suffix: string): Gate {
  const retained = set.after.value / set.before.value
  return {
    name: `min-retained${suffix}`,
    status: status(retained >= set.limits.minRetained - TOLERANCE),
    limit: set.limits.minRetained,
    measured: retained,
    text:
      `At least ${percent(set.limits.minRetained)} of the float accuracy on ${set.name} must ` +
      `stay; ${percent(retained)} did.`,
  }
}

function sizeGate(bytes: number, budget: number): Gate {
  return {
    name: 'size',
    status: status(bytes <= budget),
    limit: budget,
    measured: bytes,
    text: `The model files may take ${megabytes(budget)}; they take ${megabytes(bytes)}.`,
  }
}

function status(holds: boolean): Gate['status'] {
  return holds ? 'passed' : 'failed'
}

function points(fraction: number): string {
  return (100 * fraction).toFixed(2)
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`
}
