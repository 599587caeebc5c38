import type { ErrorSums, Kernels, ScaleDType } from '../kernels/kernels.ts'
import type { IntegerType } from '../scheme/scheme.ts'
import type { Algorithm } from '../config/settings.ts'
import { scaleRules } from './algorithms.ts'
import { codeRange } from './code-range.ts'

/** How a matrix is to be stored. */
export type MatrixSpec = {
  readonly rows: number
  readonly cols: number
  /** Values that share one scale: a divisor of cols, cols, or rows * cols. */
  readonly blockLength: number
  readonly integer: IntegerType
  readonly symmetric: boolean
  readonly scaleDtype: ScaleDType
  /** The dtype that the device decodes to; errors are measured on it. */
  readonly decodeDtype: 'float32' | 'float16'
  readonly algorithm: Algorithm
  /** Symmetric scales may be negative unless this is 'positive'. */
  readonly signs?: 'positive'
  /** Mean square of what each column is multiplied with: float32, length cols, >= 0, finite. */
  readonly importance?: Float32Array
}

/** Codes and scales as they are stored, and what they cost. */
export type EncodedMatrix = {
  /** One signed code a byte, row-major. */
  readonly codes: Int8Array
  /** One a block, exactly representable in the scale's dtype. */
  readonly scale: Float32Array
  /** One a block; undefined when symmetric. */
  readonly zeroPoint: Int8Array | undefined
  /** Of the decoded values against `x`, unweighted. */
  readonly error: ErrorSums
}

/**
 * Chooses scales, derives codes from the scales as stored, and measures what decoding gives.
 *
 * @param x - float32, shape (rows, cols)
 */
export function encodeMatrix(kernels: Kernels, x: Float32Array, spec: MatrixSpec): EncodedMatrix {
  requireShape(x, spec)
  const { blockLength, cols, scaleDtype } = spec
  const blocks = x.length / blockLength
  const signs = spec.signs === undefined ? {} : { signs: spec.signs }
  const blockSpec = { ...codeRange(spec.integer, spec.symmetric), blockLength, ...signs }
  const scale = new Float32Array(blocks)
  const zeroPoint = spec.symmetric ? undefined : new Int8Array(blocks)
  scaleRules[spec.algorithm](scale, zeroPoint, kernels, {
    x,
    importance: spec.importance,
    spec: { ...blockSpec, cols, scaleDtype },
  })
  const codes = new Int8Array(x.length)
  kernels.encodeBlocks(codes, x, scale, zeroPoint, blockSpec)
  const decoded = { blockLength, dtype: spec.decodeDtype }
  const error = kernels.codeErrors(x, codes, scale, zeroPoint, decoded)
  return { codes, scale, zeroPoint, error }
}

function requireShape(x: Float32Array, { rows, cols, blockLength }: MatrixSpec): void {
  const size = rows * cols
  const divides = blockLength >= 1 && cols % blockLength === 0
  if (x.length !== size || !(divides || blockLength === size)) {
    throw new TypeError(
      `A matrix of ${x.length} values does not fit ${rows} x ${cols} in blocks of ${blockLength}`,
    )
  }
}
