/**
 * The place of class `label` in the order of the scores, from 0 on: how many classes score higher,
 * equal ones with a lower index among them. -1 where its score is NaN; other NaN scores come last.
 *
 * The label is in the top k when its rank is from 0 to k - 1. For scores without ties this is
 * scikit-learn's `top_k_accuracy_score`. That function puts equal scores in falling order of their
 * index; we keep rising order, as `argmax` has it everywhere, because quantized scores often tie.
 *
 * @param scores - one a class, shape (classes)
 * @param label - an index into `scores`
 */
export function rankOf(scores: Float32Array, label: number): number {
  const own = scores[label]
  if (own === undefined) throw new TypeError(`class ${label} of ${scores.length} scores`)
  if (Number.isNaN(own)) return -1
  let rank = 0
  for (const [index, score] of scores.entries()) {
    if (score > own || (score === own && index < label)) rank += 1
  }
  return rank
}

/** The `k` classes with the highest scores, best first; the lower index of equal ones. No NaN. */
export function topClasses(scores: Float32Array, k: number): readonly number[] {
  const best: number[] = []
  for (const [index, score] of scores.entries()) {
    if (Number.isNaN(score)) continue
    let at = best.length
    while (at > 0 && score > (scores[best[at - 1] ?? 0] ?? 0)) at -= 1
    if (at >= k) continue
    best.splice(at, 0, index)
    if (best.length > k) best.pop()
  }
  return best
}
