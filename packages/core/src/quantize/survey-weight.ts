import { scaleAlgorithm } from '../algorithms/algorithms.ts'
import { scoreFactor, zeroScores } from '../algorithms/prune/prune-scores.ts'
import type { BinScores } from '../algorithms/prune/prune-threshold.ts'
import { scoreBin, thresholds } from '../algorithms/prune/prune-threshold.ts'
import { isCounted } from '../algorithms/counted-scale.ts'
import { slabRows } from '../algorithms/scheme-blocks.ts'
import type { Host } from '../base/host.ts'
import { keyExponent } from '../kernels/half-keys.ts'
import type { PruneThreshold } from '../kernels/prune.ts'
import { PLACED_VALUES, fittingRows } from '../kernels/value-chunk.ts'
import type { SparseScheme } from '../scheme/scheme.ts'
import type { Weight } from '../tensor/weight.ts'
import { columnsOf, elementsOf, rowsOf } from '../tensor/weight.ts'
import type { SharedParts, SlabTarget } from './slab-target.ts'
import { distinct, slabFacts, slabs } from './survey-pass.ts'
import type { Pass } from './survey-pass.ts'
import { sharedParts } from './survey-shared.ts'
import type { ScoresInBinInput } from './survey-slab.ts'

/** How weights are cut into jobs. The bytes that are written do not depend on it. */
export type SlabLimits = {
  /** Values of a slab, about. */
  readonly slab: number
  /** Up to so many values a weight is one job where something is chosen for all of them. */
  readonly job: number
}

const LIMITS: SlabLimits = { slab: PLACED_VALUES, job: 2 ** 20 }

/** Codes of any width fill whole bytes after so many rows, so that slabs can be packed apart. */
const ROWS_OF_WHOLE_BYTES = 8

/** How a weight is cut, and what is known of all of it. */
export type Survey = {
  /** Rows of each slab but the last. */
  readonly rows: number
  readonly shared: SharedParts
  /** Of each slab, which of its values are zero; empty where each slab decides for itself. */
  readonly thresholds: readonly PruneThreshold[]
}

/**
 * Looks through a weight that is too large for one job before it is encoded slab by slab: for the table
 * that all its values share, and for the limit below which a fraction of them is zero.
 *
 * @param largest - largest magnitude of the weight, finite
 * @param limits - for tests, which have no large weights
 */
export async function surveyWeight(
  host: Pick<Host, 'pool'>,
  weight: Weight,
  target: SlabTarget,
  { largest, limits = LIMITS }: { readonly largest: number; readonly limits?: SlabLimits },
): Promise<Survey> {
  const { scheme } = target
  const rows = rowsOf(weight.shape)
  const alone = slabRows(scheme, target)
  if (alone !== null) return { ...NOTHING_SHARED, rows: rowsAtOnce(weight.shape, alone, limits) }
  const together = slabRows(scheme, target, {
    table: true,
    threshold: true,
    step: true,
    scale: hasSharedScales(target),
  })
  const isOneJob = elementsOf(weight.shape) <= limits.job
  if (together === null || isOneJob || needsEachValue(weight, target)) {
    return { ...NOTHING_SHARED, rows }
  }
  const exponent = weight.dtype === 'float16' ? 0 : keyExponent(largest)
  const cut = rowsAtOnce(weight.shape, together, limits)
  const pass: Pass = { host, weight, target, exponent, rows: cut }
  const sparse = scheme.kind === 'sparse' ? scheme : null
  const zeros = sparse === null ? [] : await sharedThresholds(pass, sparse, largest)
  return {
    rows: cut,
    shared: await sharedParts(pass, { sparse, limits: zeros }),
    thresholds: zeros,
  }
}

/**
 * The rule `unique` keeps values themselves. What a pass learns of halves is all of them, but float32
 * values that are next to each other it knows by their mean only.
 */
function needsEachValue({ dtype }: Weight, { scheme, algorithm }: SlabTarget): boolean {
  const values = scheme.kind === 'sparse' ? scheme.values : scheme
  return values.kind === 'palette' && algorithm === 'unique' && dtype !== 'float16'
}

/** Scales that depend on the ends of their blocks alone, or on how often values occur. */
function hasSharedScales({ layer, scheme, algorithm, halves }: SlabTarget): boolean {
  const values = scheme.kind === 'sparse' ? scheme.values : scheme
  if (values.kind !== 'affine') return false
  const rule = scaleAlgorithm(layer, algorithm)
  return (values.symmetric && rule === 'round') || isCounted(values, { halves, algorithm: rule })
}

const NOTHING_SHARED = { shared: {}, thresholds: [] } as const

/** Rows of each slab but the last. */
export function rowsAtOnce(
  shape: readonly number[],
  multiple: number,
  { slab }: SlabLimits = LIMITS,
): number {
  return Math.min(rowsOf(shape), fittingRows(columnsOf(shape), wholeBytes(multiple), slab))
}

function wholeBytes(multiple: number): number {
  let rows = multiple
  while (rows % ROWS_OF_WHOLE_BYTES !== 0) rows *= 2
  return rows
}

/** Where the limit lies among all values, then exactly which of the values there are zero. */
async function sharedThresholds(
  pass: Pass,
  { pattern }: SparseScheme,
  largest: number,
): Promise<readonly PruneThreshold[]> {
  if (pattern.kind !== 'fraction' && pattern.kind !== 'structured') return []
  const { weight, target } = pass
  const zeros = zeroScores({ shape: weight.shape, outputAxis: target.outputAxis, pattern })
  // The root of a sum of squares may be larger than any value of a half.
  const exponent = pattern.kind === 'structured' ? pass.exponent - 8 : pass.exponent
  const factor = scoreFactor(pattern, largest)
  const wide = { ...pass, exponent }
  const scores = await distinct(wide, { of: 'scores', pattern, limits: [], factor })
  const bin = scoreBin(scores, zeros)
  const inputs = slabs(pass, (chunk): ScoresInBinInput => ({
    ...slabFacts(pass, chunk, pattern),
    bin,
    factor,
  }))
  const parts: BinScores[] = []
  const found = pass.host.pool.map<ScoresInBinInput, BinScores>('scores-in-bin', inputs)
  for await (const part of found) parts.push(part)
  return thresholds(bin, parts).map((threshold) => ({ ...threshold, factor }))
}
