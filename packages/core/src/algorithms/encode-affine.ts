import type { Algorithm } from '../config/settings.ts'
import { blockRuns } from '../kernels/block-runs.ts'
import type { ErrorSums, Kernels, ScaleDType } from '../kernels/kernels.ts'
import { improveHalfScales } from '../kernels/nearby-scales.ts'
import { permuteAxes } from '../kernels/permute-axes.ts'
import type { AffineEncoding } from '../scheme/encoding.ts'
import type { IntegerType } from '../scheme/scheme.ts'
import { elementsOf } from '../tensor/weight.ts'
import { codeRange } from './code-range.ts'
import { encodeMatrix, type EncodedMatrix } from './encode-matrix.ts'
import { LARGEST_STORED } from './palette/stored-float.ts'

/** How a tensor is to be stored as integers. */
export type AffineSpec = {
  readonly shape: readonly number[]
  /** Of each axis, how many values share one scale; divides the shape. */
  readonly block: readonly number[]
  readonly integer: IntegerType
  readonly symmetric: boolean
  readonly scaleDtype: ScaleDType
  /** The dtype that values decode to; errors are measured on it. */
  readonly decodeDtype: 'float32' | 'float16'
  readonly algorithm: Algorithm
  /** Symmetric scales may be negative unless this is 'positive'. */
  readonly signs?: 'positive'
  /** How much the squared error of each value counts: float32, one a value, >= 0, finite. */
  readonly importance?: Float32Array
  /** Scales that were chosen before, one a block, with zero points unless codes are symmetric. */
  readonly scale?: Float32Array
  readonly zeroPoint?: Int8Array
}

/** An encoding and what it costs. */
export type EncodedAffine = { readonly encoding: AffineEncoding; readonly error: ErrorSums }

/**
 * Stores a tensor in blocks along any axes. Values of a block are brought together, encoded in
 * float32 from scales as they are stored, and put back in storage order.
 *
 * An all-zero block has scale 1; a block of tiny values has the smallest scale above 0, never 0.
 * Where a value is so near the end of `decodeDtype` that a code could decode to infinity, the values of
 * its block are clipped by up to a step and plainly rounded. NaN decodes to 0.
 *
 * @param x - float32, in storage order
 */
export function encodeAffine(kernels: Kernels, x: Float32Array, spec: AffineSpec): EncodedAffine {
  const layout = blockLayout(spec.shape, spec.block)
  const values = together(x, layout)
  const importance = spec.importance && together(spec.importance, layout)
  const matrix = encodeBlocks(kernels, values, importance, spec)
  const { codes, scale, zeroPoint, error } = matrix
  return {
    encoding: {
      kind: 'affine',
      dtype: spec.decodeDtype,
      integer: spec.integer,
      shape: spec.shape,
      block: spec.block,
      codes: layout === null ? codes : inStorageOrder(codes, layout),
      scale,
      scaleDtype: spec.scaleDtype,
      ...(zeroPoint === undefined ? {} : { zeroPoint }),
    },
    error,
  }
}

function encodeBlocks(
  kernels: Kernels,
  values: Float32Array,
  importance: Float32Array | undefined,
  spec: AffineSpec,
): EncodedMatrix {
  const { integer, symmetric, scaleDtype, decodeDtype } = spec
  const matrix = {
    rows: 1,
    cols: values.length,
    blockLength: elementsOf(spec.block),
    integer,
    symmetric,
    scaleDtype,
    decodeDtype,
    ...(spec.signs === undefined ? {} : { signs: spec.signs }),
    ...(importance === undefined ? {} : { importance }),
  }
  const { qmin, qmax } = codeRange(integer, symmetric)
  const limit = LARGEST_STORED[decodeDtype] / (1 + 1 / (qmax - qmin))
  const { min, max } = kernels.valueEnds(values)
  const isWithin = min >= -limit && max <= limit
  const limited = isWithin ? values : clippedTo(values, limit)
  if (spec.scale !== undefined) {
    const known = { scale: spec.scale, zeroPoint: spec.zeroPoint }
    return encodedBy(kernels, known, { values, limited }, spec)
  }
  const encoded = encodeMatrix(kernels, limited, { ...matrix, algorithm: spec.algorithm })
  const best = improved(kernels, { values: limited, importance }, encoded, spec)
  if (isWithin) return best
  takePlain(best, encodeMatrix(kernels, limited, { ...matrix, algorithm: 'round' }), {
    length: matrix.blockLength,
    isTaken: (at) => Math.abs(values[at] ?? 0) > limit,
  })
  const { codes, scale, zeroPoint } = best
  const decoded = { blockLength: matrix.blockLength, dtype: decodeDtype }
  // Against the values before they were clipped.
  return { ...best, error: kernels.codeErrors(values, codes, scale, zeroPoint, decoded) }
}

/** Takes the blocks with a value that says so from another encoding of the same matrix. */
function takePlain(
  out: EncodedMatrix,
  plain: EncodedMatrix,
  { length, isTaken }: { readonly length: number; readonly isTaken: (at: number) => boolean },
): void {
  for (let block = 0; block < out.scale.length; block++) {
    const [start, end] = [block * length, (block + 1) * length]
    let at = start
    while (at < end && !isTaken(at)) at++
    if (at === end) continue
    out.codes.set(plain.codes.subarray(start, end), start)
    out.scale[block] = plain.scale[block] ?? 1
    out.zeroPoint?.set(plain.zeroPoint?.subarray(block, block + 1) ?? [], block)
  }
}

function clippedTo(values: Float32Array, limit: number): Float32Array {
  return values.map((value) => Math.max(-limit, Math.min(limit, value)))
}

/** Codes from scales that are known. */
function encodedBy(
  kernels: Kernels,
  { scale, zeroPoint }: Pick<EncodedMatrix, 'scale' | 'zeroPoint'>,
  { values, limited }: { readonly values: Float32Array; readonly limited: Float32Array },
  { integer, symmetric, block, decodeDtype }: AffineSpec,
): EncodedMatrix {
  const blockLength = elementsOf(block)
  const codes = new Int8Array(values.length)
  const range = { ...codeRange(integer, symmetric), blockLength }
  kernels.encodeBlocks(codes, limited, scale, zeroPoint, range)
  const decoded = { blockLength, dtype: decodeDtype }
  const error = kernels.codeErrors(values, codes, scale, zeroPoint, decoded)
  return { codes, scale, zeroPoint, error }
}

/** Plainly rounded asymmetric blocks get the best of the half-precision scales next to theirs. */
function improved(
  kernels: Kernels,
  {
    values,
    importance,
  }: { readonly values: Float32Array; readonly importance: Float32Array | undefined },
  encoded: EncodedMatrix,
  spec: AffineSpec,
): EncodedMatrix {
  const { integer, symmetric, scaleDtype, decodeDtype, algorithm, signs } = spec
  const { scale, zeroPoint, codes } = encoded
  const isPlain = algorithm === 'round' && scaleDtype === 'float16' && signs === 'positive'
  if (!isPlain || zeroPoint === undefined) return encoded
  const blocks = { ...codeRange(integer, symmetric), blockLength: elementsOf(spec.block) }
  improveHalfScales(scale, zeroPoint, { x: values, importance }, blocks)
  kernels.encodeBlocks(codes, values, scale, zeroPoint, blocks)
  const decoded = { blockLength: blocks.blockLength, dtype: decodeDtype }
  return { ...encoded, error: kernels.codeErrors(values, codes, scale, zeroPoint, decoded) }
}

/** The shape with each axis split in two, blocks and values in a block, and all blocks first. */
type BlockLayout = { readonly split: readonly number[]; readonly order: readonly number[] }

/** Null when blocks lie one after another already. */
function blockLayout(shape: readonly number[], block: readonly number[]): BlockLayout | null {
  if (blockRuns(shape, block).isInOrder) return null
  const split = shape.flatMap((size, axis) => {
    const inBlock = block[axis] ?? 1
    return [size / inBlock, inBlock]
  })
  const axes = shape.map((_, axis) => axis)
  const order = [...axes.map((axis) => 2 * axis), ...axes.map((axis) => 2 * axis + 1)]
  return { split, order }
}

function together(x: Float32Array, layout: BlockLayout | null): Float32Array {
  if (layout === null) return x
  const out = new Float32Array(x.length)
  permuteAxes(out, x, layout.split, layout.order)
  return out
}

function inStorageOrder(codes: Int8Array, { split, order }: BlockLayout): Int8Array {
  const out = new Int8Array(codes.length)
  const moved = order.map((axis) => split[axis] ?? 1)
  const back = order.map((_, axis) => order.indexOf(axis))
  permuteAxes(out, codes, moved, back)
  return out
}
