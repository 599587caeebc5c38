import type { LayerAlgorithm } from '../config/settings.ts'
import { paletteRule, scaleAlgorithm } from '../algorithms/algorithms.ts'
import { encodeWeight } from '../algorithms/encode-weight.ts'
import type { CoremlForm } from '../formats/coreml/form-types.ts'
import type { PackedSlab } from '../formats/coreml/part-chunks.ts'
import { slabParts } from '../formats/coreml/slab-parts.ts'
import type { ErrorSums, Kernels } from '../kernels/kernels.ts'
import type { PruneThreshold } from '../kernels/prune.ts'
import type { ValueChunk } from '../kernels/value-chunk.ts'
import { chunkValues } from '../kernels/value-chunk.ts'
import type { Scheme } from '../scheme/scheme.ts'

/** How a weight of a package is to be stored. Plain data, sent to a worker. */
export type SlabTarget = {
  readonly layer: string
  readonly form: CoremlForm
  readonly scheme: Scheme
  readonly algorithm: LayerAlgorithm
  readonly outputAxis: number
  readonly inputAxis: number
}

/** Input of the pool job `encode-slab`: some whole rows of a weight. */
export type EncodeSlabInput = {
  readonly chunk: ValueChunk
  /** Where in the weight they begin. */
  readonly firstRow: number
  readonly target: SlabTarget
  /** What was chosen for the whole weight. */
  readonly table: Float32Array | null
  readonly threshold: PruneThreshold | null
}

/** The stored bits of the rows, part by part, and what storing them cost. */
export type EncodedSlab = PackedSlab & { readonly error: ErrorSums }

/**
 * Pool job: stores some rows of a weight of a package.
 *
 * @param room - memory for their values, used again by the next job
 */
export function encodeSlab(
  kernels: Kernels,
  input: EncodeSlabInput,
  room: (count: number) => Float32Array,
): EncodedSlab {
  const { chunk, firstRow, target, table, threshold } = input
  const { form } = target
  const { outputAxis, inputAxis, scheme, layer, algorithm } = target
  const isPalette = (scheme.kind === 'sparse' ? scheme.values : scheme).kind === 'palette'
  const { encoding, error } = encodeWeight(kernels, chunkValues(kernels, chunk, room), {
    shape: [chunk.rows, ...form.shape.slice(1)],
    outputAxis,
    inputAxis,
    scheme,
    algorithm: isPalette ? 'round' : scaleAlgorithm(layer, algorithm),
    paletteRule: isPalette ? paletteRule(layer, algorithm) : 'kmeans',
    decodeDtype: form.dtype,
    ...(table !== null && { table }),
    ...(threshold !== null && { threshold }),
  })
  const parts = slabParts(form, encoding, { firstRow, kernels })
  return { rows: chunk.rows, parts, error }
}
