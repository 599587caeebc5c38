// Paired tests at 95 %, two-sided: is ours better, worse, or is no difference shown?

/**
 * How many more answers ours has right in each sample: the exact test that flips the signs of these differences, which
 * for one answer a sample is McNemar's. Whole numbers; positive ones are better.
 */
export function flipTest(differences) {
  const sizes = differences.map(Math.abs).filter((size) => size > 0)
  const total = sizes.reduce((a, b) => a + b, 0)
  const found = differences.reduce((a, b) => a + b, 0)
  // chances[total + s]: that the sum is s when each sign is a throw of a coin.
  let chances = new Float64Array(2 * total + 1)
  chances[total] = 1
  for (const size of sizes) {
    chances = chances.map((_, at) => ((chances[at - size] ?? 0) + (chances[at + size] ?? 0)) / 2)
  }
  const tail = chances.reduce(
    (sum, p, at) => sum + (Math.abs(at - total) >= Math.abs(found) ? p : 0),
    0,
  )
  if (tail >= 0.05) return 'equal'
  return found > 0 ? 'better' : 'worse'
}

/** Wilcoxon's signed ranks with the normal approximation and its correction for ties; positive differences are better. */
export function rankTest(differences) {
  const list = differences.filter((x) => x !== 0).toSorted((a, b) => Math.abs(a) - Math.abs(b))
  const n = list.length
  if (n < 10) return 'equal'
  let [positive, ties] = [0, 0]
  for (let start = 0; start < n;) {
    let end = start + 1
    while (end < n && Math.abs(list[end]) === Math.abs(list[start])) end++
    const rank = (start + 1 + end) / 2
    for (let i = start; i < end; i++) if (list[i] > 0) positive += rank
    ties += (end - start) ** 3 - (end - start)
    start = end
  }
  const variance = (n * (n + 1) * (2 * n + 1)) / 24 - ties / 48
  const z = (positive - (n * (n + 1)) / 4) / Math.sqrt(variance)
  if (Math.abs(z) < 1.96) return 'equal'
  return z > 0 ? 'better' : 'worse'
}

const RESAMPLES = 4000

/** The 95 % interval of the mean difference, by resampling the samples (percentile bootstrap, seeded). */
export function meanInterval(differences) {
  const n = differences.length
  const means = new Float64Array(RESAMPLES)
  let state = 1
  const next = () => {
    // Numerical Recipes' linear congruential generator; its upper bits are good enough to pick samples.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  for (let r = 0; r < RESAMPLES; r++) {
    let sum = 0
    for (let i = 0; i < n; i++) sum += differences[next()]
    means[r] = sum / n
  }
  means.sort()
  return {
    low: means[Math.floor(0.025 * RESAMPLES)],
    high: means[Math.ceil(0.975 * RESAMPLES) - 1],
  }
}

/** What the interval of a mean difference says; positive differences are better. */
export function meanTest(differences) {
  const { low, high } = meanInterval(differences)
  if (low <= 0 && high >= 0) return 'equal'
  return low > 0 ? 'better' : 'worse'
}
