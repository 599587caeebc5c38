import type { TokenLoss } from '../tasks/text/token-loss.ts'
import { bootstrapInterval } from './bootstrap.ts'

/** A number with its 95 % interval; null where it is not defined or not finite. */
export type Measured = {
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
}

/**
 * Perplexity: exp(sum of negative log likelihoods / number of tokens). The interval draws windows
 * with replacement, because tokens of one window are not independent; there is none for one window.
 *
 * @param windows - the losses of each window of the text
 */
export function perplexity(windows: readonly TokenLoss[]): Measured {
  const value = weighted(windows, () => 1)
  if (value === null) return { value, low: null, high: null }
  const interval = bootstrapInterval(windows.length, (weights) =>
    weighted(windows, (index) => weights[index] ?? 0),
  )
  return { value, low: interval?.low ?? null, high: interval?.high ?? null }
}

function weighted(
  windows: readonly TokenLoss[],
  weightOf: (index: number) => number,
): number | null {
  let nll = 0
  let tokens = 0
  for (const [index, window] of windows.entries()) {
    nll += weightOf(index) * window.nll
    tokens += weightOf(index) * window.tokens
  }
  const value = Math.exp(nll / tokens)
  return Number.isFinite(value) ? value : null
}
