import type { WeightRole } from '../../operators/weight-role.ts'
import type { AffineScheme, IntegerType } from '../../scheme/scheme.ts'
import { INTEGER_BITS } from '../../scheme/scheme.ts'
import type { DequantizeDomain } from '../../targets/onnx-opsets.ts'
import { isRuntimeDequantize } from '../../targets/onnx-opsets.ts'
import { ONNX_RUNTIME, kernelBlockSize } from '../../targets/onnx-runtime.ts'
import { bytesOf } from '../../tensor/dtype.ts'
import { columnsOf, elementsOf, rowsOf } from '../../tensor/weight.ts'
import type { AffineForm, NoForm, StoredPart } from './form-types.ts'

/** Integers that ONNX files store. */
type StoredInteger = Exclude<IntegerType, 'int3'>

/**
 * The form in which ONNX holds integers of a weight of this role, or why there is none.
 *
 * @param domain - whose DequantizeLinear, where it is one
 */
export function affineForm(
  role: WeightRole,
  shape: readonly number[],
  scheme: AffineScheme,
  domain: DequantizeDomain,
): AffineForm | NoForm {
  const integer = storedInteger(scheme.dtype)
  if (integer === null) {
    return {
      kind: 'none',
      reason: `ONNX files store weights in 8, 4 or 2 bits, not ${scheme.dtype}`,
    }
  }
  if (!hasPlainAxes(scheme)) {
    return { kind: 'none', reason: 'scales follow output channels (axis 0) or input channels (1)' }
  }
  const blockLength = blockLengthOf(scheme, shape)
  if (scheme.granularity.kind === 'per-block' && columnsOf(shape) % blockLength !== 0) {
    return { kind: 'none', reason: `blocks of ${blockLength} do not divide ${columnsOf(shape)}` }
  }
  switch (role) {
    case 'conv':
    case 'depthwise-conv':
    case 'matrix':
      return dequantizeForm(domain, shape, ofRows(scheme, shape), integer, blockLength)
    case 'linear':
      return isKernelBlock(scheme, shape)
        ? blockForm('MatMulNBits', shape, scheme, integer, blockLength)
        : dequantizeForm(domain, shape, ofRows(scheme, shape), integer, blockLength)
    case 'embedding':
      return isKernelBlock(scheme, shape)
        ? blockForm('GatherBlockQuantized', shape, scheme, integer, blockLength)
        : gatherForm(shape, scheme, blockLength)
    case 'tied-embedding':
      return isKernelBlock(scheme, shape)
        ? blockForm('GatherBlockQuantized + MatMulNBits', shape, scheme, integer, blockLength)
        : {
            kind: 'none',
            reason: 'one table for lookup and output head is stored in blocks of 16 to 256 values',
          }
    case 'vector':
    case 'other':
      return { kind: 'none', reason: 'no operator reads this weight from integers' }
  }
}

/** Values of one row that share a scale, for a weight seen as (rows, columns). */
function blockLengthOf(scheme: AffineScheme, shape: readonly number[]): number {
  switch (scheme.granularity.kind) {
    case 'per-tensor':
      return elementsOf(shape)
    case 'per-channel':
      return columnsOf(shape)
    case 'per-block':
      // A block of input channels spans the whole kernel.
      return scheme.granularity.blockSize * elementsOf(shape.slice(2))
  }
}

/** One block of all input channels is a scale a row, which needs neither a table nor a new opset. */
function ofRows(scheme: AffineScheme, shape: readonly number[]): AffineScheme {
  const { granularity } = scheme
  if (granularity.kind !== 'per-block' || granularity.blockSize !== shape[1]) return scheme
  return { ...scheme, granularity: { kind: 'per-channel', axis: 0 } }
}

/** Weights are stored with outputs first and inputs second, so no other axes have a form. */
function hasPlainAxes({ granularity }: AffineScheme): boolean {
  if (granularity.kind === 'per-tensor') return true
  return granularity.axis === (granularity.kind === 'per-channel' ? 0 : 1)
}

function isKernelBlock(scheme: AffineScheme, shape: readonly number[]): boolean {
  if (scheme.granularity.kind !== 'per-block') return false
  const { blockSize } = scheme.granularity
  return kernelBlockSize(blockSize, columnsOf(shape)) === blockSize
}

/** DequantizeLinear: signed codes in the weight's own shape, or in a table of rows of blocks. */
function dequantizeForm(
  domain: DequantizeDomain,
  shape: readonly number[],
  scheme: AffineScheme,
  integer: StoredInteger,
  blockLength: number,
): AffineForm | NoForm {
  const isRuntime = domain === 'com.microsoft'
  if (isRuntime && !isRuntimeDequantize(scheme)) {
    return {
      kind: 'none',
      reason: "ONNX Runtime's own DequantizeLinear takes 8 and 4 bits with fp32 scales",
    }
  }
  const dims = isRuntime ? runtimeDims(scheme, shape, blockLength) : standardDims(scheme, shape)
  const scaleDims = isRuntime
    ? runtimeScaleDims(scheme, dims)
    : dequantizeScaleDims(scheme, dims, blockLength)
  return {
    kind: 'affine',
    name: isRuntime ? 'com.microsoft.DequantizeLinear' : 'DequantizeLinear',
    scheme,
    blockLength,
    packing: integer,
    decodeDtype: scheme.scaleDtype,
    codes: codesPart(integer, dims),
    scale: floatPart(scheme.scaleDtype, scaleDims),
    zeroPoint: scheme.symmetric ? null : codesPart(integer, scaleDims),
  }
}

/** ONNX has blocks on one axis only: a block that spans a kernel is stored as a 2-D table. */
function standardDims({ granularity }: AffineScheme, shape: readonly number[]): readonly number[] {
  const isTable = granularity.kind === 'per-block' && elementsOf(shape.slice(2)) > 1
  return isTable ? [rowsOf(shape), columnsOf(shape)] : shape
}

function dequantizeScaleDims(
  scheme: AffineScheme,
  dims: readonly number[],
  blockLength: number,
): readonly number[] {
  switch (scheme.granularity.kind) {
    case 'per-tensor':
      return []
    case 'per-channel':
      return [rowsOf(dims)]
    case 'per-block':
      return [rowsOf(dims), columnsOf(dims) / blockLength, ...dims.slice(2).map(() => 1)]
  }
}

/** ONNX Runtime's own operator has no blocks: each becomes a row with a scale of its own. */
function runtimeDims(
  { granularity }: AffineScheme,
  shape: readonly number[],
  blockLength: number,
): readonly number[] {
  const isTable = granularity.kind === 'per-block'
  return isTable ? [elementsOf(shape) / blockLength, blockLength] : shape
}

function runtimeScaleDims(
  { granularity }: AffineScheme,
  dims: readonly number[],
): readonly number[] {
  return granularity.kind === 'per-tensor' ? [] : [rowsOf(dims)]
}

/** MatMulNBits and GatherBlockQuantized: unsigned codes [rows, columns], zero point 2^(bits-1). */
function blockForm(
  name: 'MatMulNBits' | 'GatherBlockQuantized' | 'GatherBlockQuantized + MatMulNBits',
  shape: readonly number[],
  scheme: AffineScheme,
  integer: StoredInteger,
  blockLength: number,
): AffineForm {
  const rows = rowsOf(shape)
  const blocks = columnsOf(shape) / blockLength
  const bits = INTEGER_BITS[integer]
  const blob = (blockLength * bits) / 8
  const codeDims = name === 'MatMulNBits' ? [rows, blocks, blob] : [rows, blocks * blob]
  const zeroDims = [rows, Math.ceil((blocks * bits) / 8)]
  return {
    kind: 'affine',
    name,
    scheme,
    blockLength,
    packing: `u${integer}`,
    decodeDtype: 'float32',
    codes: { dtype: 'uint8', dims: codeDims, bytes: rows * blocks * blob },
    scale: floatPart(scheme.scaleDtype, [rows, blocks]),
    zeroPoint: scheme.symmetric
      ? null
      : { dtype: 'uint8', dims: zeroDims, bytes: elementsOf(zeroDims) },
  }
}

/** A table whose rows are looked up first and decoded after: only the rows used are touched. */
function gatherForm(
  shape: readonly number[],
  scheme: AffineScheme,
  blockLength: number,
): AffineForm | NoForm {
  if (scheme.dtype !== 'int8' || scheme.granularity.kind === 'per-block') {
    return { kind: 'none', reason: 'a looked-up table is stored in blocks of 16 to 256 values' }
  }
  const scaleDims = scheme.granularity.kind === 'per-tensor' ? [1, 1] : [rowsOf(shape), 1]
  return {
    kind: 'affine',
    name: 'Gather + Mul',
    scheme,
    blockLength,
    packing: 'int8',
    decodeDtype: 'float32',
    codes: codesPart('int8', shape),
    scale: floatPart(scheme.scaleDtype, scaleDims),
    zeroPoint: scheme.symmetric ? null : codesPart('int8', scaleDims),
  }
}

function storedInteger(dtype: IntegerType): StoredInteger | null {
  return ONNX_RUNTIME.integers.find((integer) => integer === dtype) ?? null
}

function codesPart(dtype: StoredInteger, dims: readonly number[]): StoredPart {
  return { dtype, dims, bytes: bytesOf(dtype, elementsOf(dims)) }
}

function floatPart(dtype: 'float32' | 'float16', dims: readonly number[]): StoredPart {
  return { dtype, dims, bytes: bytesOf(dtype, elementsOf(dims)) }
}
