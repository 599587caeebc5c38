import { paletteRule, scaleAlgorithm } from '../algorithms/algorithms.ts'
import { isCounted } from '../algorithms/counted-scale.ts'
import type { OneScale } from '../algorithms/counted-scale.ts'
import { slabRows } from '../algorithms/scheme-blocks.ts'
import { sharedScales } from '../algorithms/shared-scales.ts'
import { MixbitError } from '../base/error.ts'
import { mergeBlockEnds } from '../kernels/block-ends.ts'
import type { BlockEnds } from '../kernels/block-ends.ts'
import type { PruneThreshold } from '../kernels/prune.ts'
import { scalarKernels } from '../kernels/scalar.ts'
import type { AffineScheme, PaletteScheme, Scheme, SparseScheme } from '../scheme/scheme.ts'
import type {
  ChooseScaleInput,
  FillCodesInput,
  LargestEntryInput,
  SlabEndsInput,
  TableCodes,
} from './survey-scales.ts'
import { coveringStep } from '../algorithms/palette/int8-tables.ts'
import type { FillTableInput } from './survey-slab.ts'
import { distinct, slabFacts, slabs } from './survey-pass.ts'
import type { SharedParts } from './slab-target.ts'
import type { Pass } from './survey-pass.ts'

/** What the whole weight decided about zeros; empty where each slab decides for itself. */
type Zeros = {
  readonly sparse: SparseScheme | null
  readonly limits: readonly PruneThreshold[]
}

/** Chooses what slabs of a weight cannot choose for themselves. */
export async function sharedParts(pass: Pass, zeros: Zeros): Promise<SharedParts> {
  const scheme: Scheme = pass.target.scheme
  const values = scheme.kind === 'sparse' ? scheme.values : scheme
  if (slabRows(values, pass.target) !== null) return {}
  switch (values.kind) {
    case 'float':
      return {}
    case 'affine':
      return scalesOf(pass, values, zeros)
    case 'palette':
      return tablesOf(pass, values, zeros)
  }
}

async function scalesOf(pass: Pass, scheme: AffineScheme, zeros: Zeros): Promise<SharedParts> {
  const pattern = zeros.sparse?.pattern ?? null
  const { layer, algorithm: asked, halves, form } = pass.target
  const algorithm = scaleAlgorithm(layer, asked)
  if (isCounted(scheme, { halves, algorithm })) {
    const values = await distinct(pass, { of: 'values', pattern, limits: zeros.limits })
    const input: ChooseScaleInput = { values, scheme, algorithm, decodeDtype: form.dtype }
    for await (const chosen of pass.host.pool.map<ChooseScaleInput, OneScale>('choose-scale', [
      input,
    ])) {
      return chosen
    }
  }
  const inputs = slabs(pass, (chunk, index): SlabEndsInput => ({
    ...slabFacts(pass, chunk, pattern),
    threshold: zeros.limits[index] ?? null,
    scheme,
  }))
  let ends: BlockEnds | null = null
  for await (const part of pass.host.pool.map<SlabEndsInput, BlockEnds>('slab-ends', inputs)) {
    ends = ends === null ? part : mergeBlockEnds(ends, part)
  }
  if (ends === null) throw new TypeError('A weight has rows')
  return { scale: sharedScales(scalarKernels, ends, scheme, form.dtype) }
}

/** The one table of a weight, or the step of the tables of its groups. */
async function tablesOf(pass: Pass, scheme: PaletteScheme, zeros: Zeros): Promise<SharedParts> {
  if (scheme.granularity.kind !== 'per-tensor') return { step: await stepOf(pass, scheme, zeros) }
  const { layer, algorithm, form } = pass.target
  const pattern = zeros.sparse?.pattern ?? null
  const values = await distinct(pass, { of: 'values', pattern, limits: zeros.limits })
  const rule = paletteRule(layer, algorithm)
  const spec = { bits: scheme.bits, rule, dtype: form.dtype }
  const input: FillTableInput & FillCodesInput = { values, spec }
  if (scheme.table === 'float') {
    const tables = pass.host.pool.map<FillTableInput, Float32Array | null>('fill-table', [input])
    for await (const table of tables) if (table !== null) return { table }
  } else {
    const tables = pass.host.pool.map<FillCodesInput, TableCodes | null>('fill-codes', [input])
    for await (const table of tables) {
      if (table !== null) return { tableCodes: table.codes, step: table.step }
    }
  }
  throw new MixbitError(
    'unsupported-scheme',
    `"${layer}" has more distinct values than a table of ${scheme.bits} bits has entries. ` +
      `Use ${scheme.bits < 8 ? 'more bits, or ' : ''}the algorithm kmeans.`,
    { layer, bits: scheme.bits },
  )
}

async function stepOf(pass: Pass, scheme: PaletteScheme, zeros: Zeros): Promise<number> {
  const { layer, algorithm, form } = pass.target
  const pattern = zeros.sparse?.pattern ?? null
  const inputs = slabs(pass, (chunk, index): LargestEntryInput => ({
    ...slabFacts(pass, chunk, pattern),
    threshold: zeros.limits[index] ?? null,
    scheme,
    rule: paletteRule(layer, algorithm),
    dtype: form.dtype,
  }))
  let largest = 0
  for await (const own of pass.host.pool.map<LargestEntryInput, number>('largest-entry', inputs)) {
    largest = Math.max(largest, own)
  }
  return coveringStep(largest, form.dtype)
}
