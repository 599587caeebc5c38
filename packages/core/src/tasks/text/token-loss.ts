/** The negative log likelihood of some tokens, in nats. */
export type TokenLoss = {
  readonly nll: number
  readonly tokens: number
}

/**
 * Adds up -log softmax(logits)[token] for the last `scored` tokens of a window; the logits at a
 * position are for the token after it. Computed in double precision with the largest logit taken
 * out first, as `logsumexp` does. NaN if a logit is NaN or the token's probability is 0.
 *
 * @param logits - float32, shape (tokens, vocabulary)
 * @param tokens - ids of the window
 * @param scored - how many tokens at the end count; at most all but the first
 */
export function tokenLoss(
  logits: Float32Array,
  vocabulary: number,
  tokens: readonly number[],
  scored: number,
): TokenLoss {
  let nll = 0
  for (let at = tokens.length - scored; at < tokens.length; at++) {
    const row = logits.subarray((at - 1) * vocabulary, at * vocabulary)
    nll += rowLoss(row, tokens[at] ?? 0)
  }
  return { nll, tokens: scored }
}

/** log(sum(exp(x - largest))) - (x[token] - largest): differences first, so that large logits keep theirs. */
function rowLoss(row: Float32Array, token: number): number {
  let largest = Number.NEGATIVE_INFINITY
  for (const value of row) largest = Math.max(largest, value)
  let sum = 0
  for (const value of row) sum += Math.exp(value - largest)
  return Math.log(sum) - ((row[token] ?? Number.NaN) - largest)
}
