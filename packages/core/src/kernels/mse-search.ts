import { roundHalfToEven } from '../tensor/rounding.ts'
import { requireBlocks, requireFit } from './fit.ts'
import type { ScaleDType, SearchSpec } from './kernels.ts'
import { clipFractions } from './mse-grid.ts'
import {
  blockExtremes,
  coveringScale,
  type Extremes,
  spanScale,
  storedScale,
  zeroPointFor,
} from './scales.ts'

/** Values whose errors are added in float32 before they join the float64 total of a block. */
const SEGMENT_LENGTH = 4096

/** Blocks whose plain scale is smaller in magnitude are not searched: 1 / scale could leave float32. */
const SMALLEST_SEARCHED: number = 2 ** -100

/** One way to store a block. */
type Candidate = { readonly scale: number; readonly zeroPoint: number }

type Segment = {
  readonly x: Float32Array
  readonly weights: Float32Array | undefined
  /** First and one past the last value. */
  readonly start: number
  readonly end: number
}

/**
 * Searches, for each block, the scale with the smallest weighted squared error
 * `sum of importance * (x - decoded)^2` over a fixed grid of clips. Symmetric without
 * `zeroPoint`, with the sign of the scale that clips nothing; with it, both ends of the range
 * shrink together.
 *
 * Every candidate is rounded to its stored dtype before it is judged. Of equals the larger
 * magnitude stays. A block whose importance is all zero is judged without it. NaN and infinity do not count.
 *
 * @param scale - out, float32, one a block, exactly representable in the stored dtype
 * @param zeroPoint - out, int8, one a block; undefined for symmetric codes
 * @param importance - float32, shape (cols), the same for every row; each 0 or from 2^-100 to 2^100,
 *   so that products stay in float32
 */
export function mseScales(
  scale: Float32Array,
  zeroPoint: Int8Array | undefined,
  x: Float32Array,
  importance: Float32Array | undefined,
  spec: SearchSpec,
): void {
  requireBlocks(x, scale, zeroPoint, spec.blockLength)
  requireRows(x, importance, spec)
  const fractions = clipFractions(spec)
  const extremes = { low: 0, high: 0 }
  for (let block = 0; block < scale.length; block++) {
    const start = block * spec.blockLength
    const end = start + spec.blockLength
    blockExtremes(extremes, x, start, end)
    const candidates =
      zeroPoint === undefined
        ? symmetricCandidates(extremes, fractions, spec)
        : asymmetricCandidates(extremes, fractions, spec)
    const weights = blockWeights(importance, start, spec)
    const best = bestCandidate(candidates, { x, weights, start, end }, spec)
    scale[block] = best.scale
    if (zeroPoint !== undefined) zeroPoint[block] = best.zeroPoint
  }
}

/** Throws unless `x` is whole rows, a row whole blocks (or a block whole rows), and so on. */
export function requireRows(
  x: Float32Array,
  importance: Float32Array | undefined,
  { cols, blockLength }: SearchSpec,
): void {
  requireFit(cols >= 1 && x.length % cols === 0, `${x.length} values in rows of ${cols}`)
  requireFit(
    cols % blockLength === 0 || blockLength % cols === 0,
    `blocks of ${blockLength} in rows of ${cols}`,
  )
  requireFit(
    importance === undefined || importance.length === cols,
    `${importance?.length} importances for rows of ${cols}`,
  )
}

/**
 * The importance of each value of the block that starts at `start`; undefined when it is all
 * zero or there is none. A block longer than a row repeats it.
 */
export function blockWeights(
  importance: Float32Array | undefined,
  start: number,
  spec: SearchSpec,
): Float32Array | undefined {
  if (importance === undefined) return undefined
  const first = start % spec.cols
  const inOneRow = first + spec.blockLength <= spec.cols
  const weights = inOneRow ? importance.subarray(first, first + spec.blockLength) : importance
  return weights.some((weight) => weight > 0) ? weights : undefined
}

/** The stored form of each fraction of `plain`, in their order; of a tiny scale or 0 it alone. */
export function storedCandidates(
  plain: number,
  fractions: Float32Array,
  dtype: ScaleDType,
): readonly number[] {
  if (Math.abs(plain) < SMALLEST_SEARCHED) return [storedScale(plain, dtype)]
  return Array.from(fractions, (fraction) => storedScale(Math.fround(plain * fraction), dtype))
}

function symmetricCandidates(
  { low, high }: Extremes,
  fractions: Float32Array,
  spec: SearchSpec,
): readonly Candidate[] {
  const scales = storedCandidates(coveringScale(low, high, spec), fractions, spec.scaleDtype)
  return scales.map((scale) => ({ scale, zeroPoint: 0 }))
}

/** Candidates that cover [fraction * low, fraction * high], largest first. */
function asymmetricCandidates(
  { low, high }: Extremes,
  fractions: Float32Array,
  spec: SearchSpec,
): readonly Candidate[] {
  const tiny = spanScale(low, high, spec) < SMALLEST_SEARCHED
  return Array.from(tiny ? [1] : fractions, (fraction) => {
    const from = low * fraction
    const to = high * fraction
    const scale = storedScale(spanScale(from, to, spec), spec.scaleDtype)
    return { scale, zeroPoint: zeroPointFor(from, to, scale, spec) }
  })
}

/** The first of the candidates with the smallest error. */
function bestCandidate(
  candidates: readonly Candidate[],
  block: Segment,
  spec: SearchSpec,
): Candidate {
  let best = candidates[0]!
  if (candidates.length === 1) return best
  let smallest = Infinity
  for (const candidate of candidates) {
    let total = 0
    for (let start = block.start; start < block.end; start += SEGMENT_LENGTH) {
      const end = Math.min(start + SEGMENT_LENGTH, block.end)
      total += segmentError({ ...block, start, end }, block.start, candidate, spec)
    }
    const error = total * candidate.scale * candidate.scale
    if (error < smallest) {
      smallest = error
      best = candidate
    }
  }
  return best
}

/**
 * Sum of importance * (x / scale - q)^2, the error in units of the scale, so that no size of `x`
 * leaves float32. Each step is rounded to float32; value i adds to lane i mod 4, and the result is
 * (lane 0 + lane 2) + (lane 1 + lane 3). The SIMD twin does exactly this.
 */
function segmentError(
  { x, weights, start, end }: Segment,
  blockStart: number,
  { scale, zeroPoint }: Candidate,
  spec: SearchSpec,
): number {
  const inverse = Math.fround(1 / scale)
  const low = spec.qmin - zeroPoint
  const high = spec.qmax - zeroPoint
  const lanes = new Float32Array(4)
  for (let i = start; i < end; i++) {
    const value = x[i]!
    if (!(Math.abs(value) < Infinity)) continue
    const quotient = Math.fround(value * inverse)
    const code = roundHalfToEven(Math.max(low, Math.min(high, quotient)))
    const error = Math.fround(quotient - code)
    const weight = weights === undefined ? 1 : weights[(i - blockStart) % weights.length]!
    const lane = (i - start) & 3
    lanes[lane] = lanes[lane]! + Math.fround(Math.fround(error * error) * weight)
  }
  return Math.fround(Math.fround(lanes[0]! + lanes[2]!) + Math.fround(lanes[1]! + lanes[3]!))
}
