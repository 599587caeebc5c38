/**
 * The two-sided p-value of McNemar's exact test: how likely at least so uneven a split of the
 * changed answers would be, if each had been as likely to become worse as better. 1 when none
 * changed.
 *
 * `min(1, 2 * sum over k <= min(worse, better) of C(n, k) / 2^n)`, summed in logarithms because
 * 2^n soon leaves the range of numbers.
 *
 * McNemar, "Note on the sampling error of the difference between correlated proportions or
 * percentages", Psychometrika 12 (1947); the exact form is the sign test.
 */
export function mcNemarPValue(worse: number, better: number): number {
  const changed = worse + better
  const fewer = Math.min(worse, better)
  if (changed === 0 || worse === better) return 1
  let logTerm = -changed * Math.LN2
  let logSum = logTerm
  for (let k = 0; k < fewer; k++) {
    logTerm += Math.log((changed - k) / (k + 1))
    logSum = logTerm + Math.log1p(Math.exp(logSum - logTerm))
  }
  return Math.min(1, 2 * Math.exp(logSum))
}
