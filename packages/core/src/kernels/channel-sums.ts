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
    for (let c = 0; c < channels; c++) {
      let sum = 0
      for (const end = at + inner; at < end; at++) sum += x[at]!
      sums[c] = sums[c]! + sum
    }
  }
}
