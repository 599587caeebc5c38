import type { Host } from '../base/host.ts'
import type { CoremlWeight } from '../formats/coreml/document.ts'
import type { CoremlForm } from '../formats/coreml/form-types.ts'
import { storedPieces } from '../formats/coreml/stored-again.ts'
import type { StoredAffine } from '../formats/coreml/stored-form.ts'
import { placedChunks } from '../kernels/value-chunk.ts'
import type { LayerPlan } from '../plan/plan-types.ts'
import { columnsOf } from '../tensor/weight.ts'
import type { EncodeSlabInput } from './encode-slab.ts'
import type { SlabTarget } from './slab-target.ts'
import { rowsAtOnce, surveyWeight } from './survey-weight.ts'
import type { SlabLimits } from './survey-weight.ts'

/** A weight that is stored anew: its name in the document, its decision and its form. */
export type WeightChange = {
  readonly name: string
  readonly plan: LayerPlan
  readonly form: CoremlForm
  /** Its largest magnitude. */
  readonly largest: number
  /** The integers that it has already, where they stay. */
  readonly codes?: StoredAffine
}

/** The jobs that store one weight, in the order of its rows. */
export async function* slabInputs(
  host: Pick<Host, 'pool'>,
  { weight, outputAxis, inputAxis }: CoremlWeight,
  { plan, form, largest, codes }: WeightChange,
  limits: SlabLimits | undefined,
): AsyncGenerator<EncodeSlabInput> {
  const { layer, scheme, algorithm } = plan
  const halves = weight.dtype === 'float16'
  const target: SlabTarget = { layer, form, scheme, algorithm, outputAxis, inputAxis, halves }
  if (codes !== undefined) return yield* givenInputs(codes, target, limits)
  const survey = await surveyWeight(host, weight, target, {
    largest,
    ...(limits !== undefined && { limits }),
  })
  const { rows, shared, thresholds } = survey
  let firstRow = 0
  for await (const chunk of placedChunks(weight, rows)) {
    const threshold = thresholds[firstRow / rows] ?? null
    const most = limits === undefined ? {} : { most: limits.slab }
    yield { chunk, firstRow, target, shared, threshold, ...most }
    firstRow += chunk.rows
  }
}

async function* givenInputs(
  codes: StoredAffine,
  target: SlabTarget,
  limits: SlabLimits | undefined,
): AsyncGenerator<EncodeSlabInput> {
  const { shape, dtype, block } = codes
  // Rows lie in one block of them all, or make whole ones.
  const along = block[0] === shape[0] ? 1 : (block[0] ?? 1)
  const empty = { columns: columnsOf(shape), dtype, stored: null, values: null }
  for await (const { firstRow, given } of storedPieces(codes, rowsAtOnce(shape, along, limits))) {
    const chunk = { ...empty, rows: given.shape[0] ?? 1 }
    yield { chunk, firstRow, target, shared: {}, threshold: null, given }
  }
}
