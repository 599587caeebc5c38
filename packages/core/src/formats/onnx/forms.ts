import type { WeightRole } from '../../operators/weight-role.ts'
import { MixbitError } from '../../base/error.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { AffineScheme, FloatType, Scheme } from '../../scheme/scheme.ts'
import { INTEGER_BITS } from '../../scheme/scheme.ts'
import { kernelBlockSize } from '../../targets/onnx-runtime.ts'
import type { DType } from '../../tensor/dtype.ts'
import { columnsOf, elementsOf, rowsOf } from '../../tensor/weight.ts'

/** How an ONNX file holds one weight. Shown in plans and reports. */
export type FormName =
  | 'initializer'
  | 'initializer + Cast'
  | 'DequantizeLinear'
  | 'MatMulNBits'
  | 'GatherBlockQuantized'
  | 'GatherBlockQuantized + MatMulNBits'
  | 'Gather + Mul'

/** How codes lie in bytes. The offset makes them unsigned where the operator asks for it. */
export type Packing = 'int8' | 'uint8' | 'int4' | 'uint4'

/** One stored part of a weight. */
export type StoredPart = {
  readonly dtype: DType
  readonly dims: readonly number[]
  readonly bytes: number
}

export type FloatForm = {
  readonly kind: 'float'
  readonly name: 'initializer' | 'initializer + Cast'
  readonly dtype: FloatType
  readonly codes: StoredPart
}

export type AffineForm = {
  readonly kind: 'affine'
  readonly name: Exclude<FormName, 'initializer' | 'initializer + Cast'>
  readonly scheme: AffineScheme
  /** Values of one row that share a scale. */
  readonly blockLength: number
  readonly packing: Packing
  /** What the stored values decode to: a fp16 scale used by DequantizeLinear itself gives fp16. */
  readonly decodeDtype: 'float32' | 'float16'
  readonly codes: StoredPart
  readonly scale: StoredPart
  readonly zeroPoint: StoredPart | null
}

export type Form = FloatForm | AffineForm

/** A tensor that is written as it was read. */
export type KeptForm = { readonly kind: 'kept'; readonly codes: StoredPart }

/** Why a scheme has no form, in words for the plan. */
export type NoForm = { readonly kind: 'none'; readonly reason: string }

/** Values of one row that share a scale, for a weight seen as (rows, columns). */
export function blockLengthOf(scheme: AffineScheme, shape: readonly number[]): number {
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

/**
 * The form of a planned layer.
 *
 * @throws `unsupported-scheme` when ONNX cannot hold it: a plan edited by hand may ask for that
 */
export function formFor(layer: {
  readonly layer: string
  readonly role: WeightRole
  readonly shape: readonly number[]
  readonly scheme: Scheme
}): Form {
  const form = onnxForm(layer.role, layer.shape, layer.scheme)
  if (form.kind !== 'none') return form
  const scheme = precisionName(layer.scheme)
  throw new MixbitError(
    'unsupported-scheme',
    `The plan stores "${layer.layer}" as ${scheme}, but ${form.reason}.`,
    { layer: layer.layer, scheme },
  )
}

/** The form in which ONNX holds a weight of this role, or why there is none. */
export function onnxForm(
  role: WeightRole,
  shape: readonly number[],
  scheme: Scheme,
): Form | NoForm {
  switch (scheme.kind) {
    case 'float':
      return floatForm(scheme.dtype, shape)
    case 'affine':
      return affineForm(role, shape, scheme)
    case 'palette':
      return { kind: 'none', reason: 'ONNX has no operator for lookup tables' }
    case 'sparse':
      return { kind: 'none', reason: 'ONNX Runtime has no kernels for sparse weights' }
  }
}

function floatForm(dtype: FloatType, shape: readonly number[]): FloatForm {
  const bytes = elementsOf(shape) * (dtype === 'float32' ? 4 : 2)
  return {
    kind: 'float',
    name: dtype === 'float32' ? 'initializer' : 'initializer + Cast',
    dtype,
    codes: { dtype, dims: shape, bytes },
  }
}

function affineForm(
  role: WeightRole,
  shape: readonly number[],
  scheme: AffineScheme,
): Form | NoForm {
  if (scheme.dtype !== 'int8' && scheme.dtype !== 'int4') {
    return { kind: 'none', reason: `ONNX files store weights in 8 or 4 bits, not ${scheme.dtype}` }
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
      return dequantizeForm(shape, scheme, blockLength)
    case 'linear':
      return isKernelBlock(scheme, shape)
        ? blockForm('MatMulNBits', shape, scheme, blockLength)
        : dequantizeForm(shape, scheme, blockLength)
    case 'embedding':
      return isKernelBlock(scheme, shape)
        ? blockForm('GatherBlockQuantized', shape, scheme, blockLength)
        : gatherForm(shape, scheme, blockLength)
    case 'tied-embedding':
      return isKernelBlock(scheme, shape)
        ? blockForm('GatherBlockQuantized + MatMulNBits', shape, scheme, blockLength)
        : {
            kind: 'none',
            reason: 'one table for lookup and output head is stored in blocks of 16 to 256 values',
          }
    case 'vector':
    case 'other':
      return { kind: 'none', reason: 'no operator reads this weight from integers' }
  }
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

/** DequantizeLinear (opset 21): signed codes in the weight's own shape. */
function dequantizeForm(
  shape: readonly number[],
  scheme: AffineScheme,
  blockLength: number,
): AffineForm {
  const rows = rowsOf(shape)
  const columns = columnsOf(shape)
  const kernel = elementsOf(shape.slice(2))
  // ONNX has blocks on one axis only: a block that spans a kernel is stored as a 2-D table.
  const isTable = scheme.granularity.kind === 'per-block' && kernel > 1
  const dims = isTable ? [rows, columns] : shape
  const scaleDims = dequantizeScaleDims(scheme, dims, blockLength)
  const packing = scheme.dtype === 'int8' ? 'int8' : 'int4'
  return {
    kind: 'affine',
    name: 'DequantizeLinear',
    scheme,
    blockLength,
    packing,
    decodeDtype: scheme.scaleDtype,
    codes: codesPart(packing, dims),
    scale: floatPart(scheme.scaleDtype, scaleDims),
    zeroPoint: scheme.symmetric ? null : codesPart(packing, scaleDims),
  }
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

/** MatMulNBits and GatherBlockQuantized: unsigned codes [rows, columns], zero point 2^(bits-1). */
function blockForm(
  name: 'MatMulNBits' | 'GatherBlockQuantized' | 'GatherBlockQuantized + MatMulNBits',
  shape: readonly number[],
  scheme: AffineScheme,
  blockLength: number,
): AffineForm {
  const rows = rowsOf(shape)
  const blocks = columnsOf(shape) / blockLength
  const bits = INTEGER_BITS[scheme.dtype]
  const blob = (blockLength * bits) / 8
  const codeDims = name === 'MatMulNBits' ? [rows, blocks, blob] : [rows, blocks * blob]
  const zeroDims = [rows, Math.ceil((blocks * bits) / 8)]
  return {
    kind: 'affine',
    name,
    scheme,
    blockLength,
    packing: bits === 8 ? 'uint8' : 'uint4',
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

function codesPart(dtype: 'int8' | 'int4', dims: readonly number[]): StoredPart {
  const elements = elementsOf(dims)
  return { dtype, dims, bytes: dtype === 'int8' ? elements : Math.ceil(elements / 2) }
}

function floatPart(dtype: 'float32' | 'float16', dims: readonly number[]): StoredPart {
  return { dtype, dims, bytes: elementsOf(dims) * (dtype === 'float32' ? 4 : 2) }
}

/** The exact bytes of a form, part by part. */
export type PartBytes = {
  readonly codes: number
  readonly scales: number
  readonly zeroPoints: number
}

export function bytesByPart(form: Form): PartBytes {
  if (form.kind === 'float') return { codes: form.codes.bytes, scales: 0, zeroPoints: 0 }
  return {
    codes: form.codes.bytes,
    scales: form.scale.bytes,
    zeroPoints: form.zeroPoint?.bytes ?? 0,
  }
}

/** Exact stored bytes of planned layers: codes, scales and zero points. */
export function storedBytes(layers: readonly { readonly bytes: PartBytes }[]): number {
  return layers.reduce((sum, { bytes }) => sum + bytes.codes + bytes.scales + bytes.zeroPoints, 0)
}
