import { paletteRule, scaleAlgorithm } from '../algorithms/algorithms.ts'
import { encodeWeight } from '../algorithms/encode-weight.ts'
import type { WeightSpec } from '../algorithms/encode-weight.ts'
import { MixbitError } from '../base/error.ts'
import { withoutZeros } from '../formats/coreml/stored-again.ts'
import type { PackedSlab } from '../formats/coreml/part-chunks.ts'
import { slabParts } from '../formats/coreml/slab-parts.ts'
import { decode } from '../kernels/decode-encoding.ts'
import type { ErrorSums, Kernels } from '../kernels/kernels.ts'
import type { PruneThreshold } from '../kernels/prune.ts'
import type { ValueChunk } from '../kernels/value-chunk.ts'
import { chunkValues, loadedChunk } from '../kernels/value-chunk.ts'
import type { AffineEncoding } from '../scheme/encoding.ts'
import { encodeByOutputs } from './encode-outputs.ts'
import type { OutputsRequest } from './encode-outputs.ts'
import type { SharedParts, SlabTarget } from './slab-target.ts'

/** Input of the pool job `encode-slab`: some whole rows of a weight. */
export type EncodeSlabInput = {
  /** Without values where what is stored is given. */
  readonly chunk: ValueChunk
  /** What the package holds of the rows, where they are stored with the same codes and scales. */
  readonly given?: AffineEncoding
  /** Where in the weight they begin. */
  readonly firstRow: number
  readonly target: SlabTarget
  /** What was chosen for the whole weight. */
  readonly shared: SharedParts
  readonly threshold: PruneThreshold | null
  /** Values that are encoded at once, about, where not all must be; for tests. */
  readonly most?: number
}

/** Values that are encoded at once: 16 MiB of float32. Rows of fewer would be slow to bring together. */
const MOST_VALUES = 2 ** 22

/** The stored bits of the rows, part by part, and what storing them cost. */
export type EncodedSlab = PackedSlab & { readonly error: ErrorSums }

/**
 * Pool job: stores some rows of a weight of a package. The room for their values is used again by the
 * next job.
 */
export function encodeSlab(
  kernels: Kernels,
  input: EncodeSlabInput,
  { room, reader }: Pick<OutputsRequest, 'room' | 'reader'>,
): EncodedSlab {
  const { chunk, firstRow, target, shared, threshold, given } = input
  const { form } = target
  if (given !== undefined) return givenSlab(kernels, given, input)
  const { outputAxis, inputAxis, scheme, layer, algorithm, halves } = target
  const isPalette = (scheme.kind === 'sparse' ? scheme.values : scheme).kind === 'palette'
  const spec: WeightSpec = {
    shape: [chunk.rows, ...form.shape.slice(1)],
    outputAxis,
    inputAxis,
    scheme,
    algorithm: isPalette ? 'round' : scaleAlgorithm(layer, algorithm),
    paletteRule: isPalette ? paletteRule(layer, algorithm) : 'kmeans',
    decodeDtype: form.dtype,
    halves,
    ...shared,
    ...(threshold !== null && { threshold }),
  }
  const most = input.most ?? MOST_VALUES
  const { encoding, error } = namingLayer(
    layer,
    () =>
      encodeByOutputs(kernels, { chunk, spec, most, room, reader }) ??
      encodeWeight(kernels, chunkValues(kernels, loadedChunk(chunk, reader), room), spec),
  )
  const parts = slabParts(form, encoding, { firstRow, kernels })
  return { rows: chunk.rows, parts, error }
}

/** An algorithm knows only numbers; people need the layer that it refuses. */
function namingLayer<Result>(layer: string, encode: () => Result): Result {
  try {
    return encode()
  } catch (error) {
    if (!(error instanceof MixbitError)) throw error
    const { code, message, facts } = error
    throw new MixbitError(code, `"${layer}": ${message}`, { ...facts, layer }, { cause: error })
  }
}

/** The same values with their codes stored otherwise. */
function givenSlab(
  kernels: Kernels,
  given: AffineEncoding,
  { chunk, firstRow, target: { form } }: EncodeSlabInput,
): EncodedSlab {
  const isSymmetric = form.kind === 'affine' && form.symmetric
  const encoding = isSymmetric ? withoutZeros(given) : given
  const values = decode(encoding, kernels)
  const parts = slabParts(form, encoding, { firstRow, kernels })
  return { rows: chunk.rows, parts, error: kernels.errorSums(values, values) }
}
