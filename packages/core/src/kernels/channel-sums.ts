/**
 * Adds the values of each channel to its sum, in double.
 *
 * @param sums - one a channel; changed
 * @param x - float32, shape (outer, channels, inner)
 */
export function addChannelSums(sums: Float64Array, x: Float32Array, inner: number): void {
  const channels = sums.length
  if (inner === 1) {
    for (let at = 0; at < x.length;) {
      for (let c = 0; c < channels; c++, at++) sums[c] = sums[c]! + x[at]!
    }
    return
  }
  for (let at = 0; at < x.length;) {
    for (let c = 0; c < channels; c++, at += inner) sums[c] = sums[c]! + sumOf(x, at, at + inner)
  }
}

/** Four sums side by side: one addition need not wait for the one before. */
function sumOf(x: Float32Array, start: number, end: number): number {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let at = start
  for (; at + 4 <= end; at += 4) {
    a += x[at]!
    b += x[at + 1]!
    c += x[at + 2]!
    d += x[at + 3]!
  }
  for (; at < end; at++) a += x[at]!
  return a + b + (c + d)
}
