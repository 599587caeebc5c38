// Twins of errorSums (src/kernels/error-sums.ts) and lookUp (src/kernels/look-up.ts).

/**
 * Adds to the sums of (x - y)^2 and x^2 and to the largest |x - y|, float64, in the order of the
 * arrays. Pairs that are not finite are left out.
 */
export function errorSums(totals: usize, x: usize, y: usize, count: i32): void {
  let squaredError = load<f64>(totals)
  let squaredSignal = load<f64>(totals, 8)
  let maxAbsError = load<f64>(totals, 16)
  for (let i = 0; i < count; i++) {
    const signal = <f64>load<f32>(x)
    const error = abs(signal - <f64>load<f32>(y))
    if (error < Infinity) {
      squaredError += error * error
      squaredSignal += signal * signal
      maxAbsError = max(maxAbsError, error)
    }
    x += 4
    y += 4
  }
  store<f64>(totals, squaredError)
  store<f64>(totals, squaredSignal, 8)
  store<f64>(totals, maxAbsError, 16)
}

/** Writes the entry that each index names. `count` is rounded up to a multiple of 8. */
export function lookUp(out: usize, indices: usize, table: usize, count: i32): void {
  for (let i = 0; i < count; i += 8) {
    const eight = load<u64>(indices)
    store<f32>(out, load<f32>(table + (<usize>(eight & 255) << 2)))
    store<f32>(out, load<f32>(table + (<usize>((eight >> 8) & 255) << 2)), 4)
    store<f32>(out, load<f32>(table + (<usize>((eight >> 16) & 255) << 2)), 8)
    store<f32>(out, load<f32>(table + (<usize>((eight >> 24) & 255) << 2)), 12)
    store<f32>(out, load<f32>(table + (<usize>((eight >> 32) & 255) << 2)), 16)
    store<f32>(out, load<f32>(table + (<usize>((eight >> 40) & 255) << 2)), 20)
    store<f32>(out, load<f32>(table + (<usize>((eight >> 48) & 255) << 2)), 24)
    store<f32>(out, load<f32>(table + (<usize>(eight >> 56) << 2)), 28)
    indices += 8
    out += 32
  }
}
