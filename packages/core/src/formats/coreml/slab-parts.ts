import type { Kernels } from '../../kernels/kernels.ts'
import { keptValues, storedCodes } from '../../kernels/stored-codes.ts'
import type {
  AffineEncoding,
  Encoding,
  FloatEncoding,
  PaletteEncoding,
  SparseEncoding,
} from '../../scheme/encoding.ts'
import type { PaletteBits } from '../../scheme/scheme.ts'
import { elementsOf } from '../../tensor/weight.ts'
import { blockCounts } from './blocks.ts'
import type {
  CoremlAffineForm,
  CoremlFloatForm,
  CoremlForm,
  CoremlPaletteForm,
  CoremlPartName,
  CoremlSparseForm,
} from './form-types.ts'
import { MIL_DTYPES } from './mil-dtype.ts'
import { tableDims } from './parts.ts'

/** What a slab of rows adds to one part. */
export type SlabPart = {
  readonly part: CoremlPartName
  readonly packed: Uint8Array
  /** Bits of `packed` that are values; the rest of its last byte is 0. */
  readonly bits: number
}

/** Where a slab lies, and what packs it. */
export type Slab = { readonly firstRow: number; readonly kernels: Kernels }

/**
 * The bits that a slab of leading rows adds to each part, in the order of the parts. Scales and tables
 * of blocks that began in an earlier slab are left out. Bytes may be those of the encoding.
 *
 * Throws `TypeError` for an encoding that is not of this form: a mistake in the program.
 */
export function slabParts(form: CoremlForm, encoding: Encoding, slab: Slab): readonly SlabPart[] {
  requireForm(form.kind === encoding.kind, form, `is ${encoding.kind}`)
  requireForm(isSlabOf(encoding.shape, form.shape), form, `has shape ${encoding.shape.join(' x ')}`)
  const parts = packDense(form, encoding, slab, null)
  return form.parts.flatMap(({ name }) => parts.filter(({ part }) => part === name))
}

function packDense(
  form: CoremlForm,
  encoding: Encoding,
  slab: Slab,
  mask: Uint8Array | null,
): readonly SlabPart[] {
  if (form.kind === 'float' && encoding.kind === 'float')
    return floatParts(form, encoding, slab, mask)
  if (form.kind === 'affine' && encoding.kind === 'affine')
    return affineParts(form, encoding, slab, mask)
  if (form.kind === 'palette' && encoding.kind === 'palette')
    return palettePartsOf(form, encoding, slab, mask)
  if (form.kind === 'sparse' && encoding.kind === 'sparse') return sparseParts(form, encoding, slab)
  throw new TypeError(`a form of ${form.kind} has no ${encoding.kind}`)
}

function sparseParts(
  form: CoremlSparseForm,
  { mask, values }: SparseEncoding,
  slab: Slab,
): readonly SlabPart[] {
  requireForm(form.values.kind === values.kind, form, `keeps ${values.kind}`)
  return [packed('mask', mask, 1, slab), ...packDense(form.values, values, slab, mask)]
}

function floatParts(
  form: CoremlFloatForm,
  encoding: FloatEncoding,
  slab: Slab,
  mask: Uint8Array | null,
): readonly SlabPart[] {
  const values = mask === null ? encoding.values : keptValues(encoding.values, mask)
  return [floats('data', values, form.stored, slab)]
}

function affineParts(
  form: CoremlAffineForm,
  encoding: AffineEncoding,
  slab: Slab,
  mask: Uint8Array | null,
): readonly SlabPart[] {
  requireForm(
    encoding.integer === form.integer && isBlockOf(encoding, form.block),
    form,
    `is ${encoding.integer} in blocks of ${encoding.block.join(' x ')}`,
  )
  requireForm(encoding.dtype === form.dtype, form, `decodes to ${encoding.dtype}`)
  const rows = freshRows(form.shape, form.block, encoding.shape, slab.firstRow)
  const scale = freshPart(encoding.scale, rows)
  const codes = mask === null ? encoding.codes : keptValues(encoding.codes, mask)
  const parts = [codesPart('data', codes, form, slab), floats('scale', scale, form.dtype, slab)]
  if (!form.parts.some(({ name }) => name === 'offset')) return parts
  const zeros = encoding.zeroPoint ?? new Int8Array(encoding.scale.length)
  return [...parts, codesPart('offset', freshPart(zeros, rows), form, slab)]
}

/** Signed codes as they are stored. */
function codesPart(
  part: CoremlPartName,
  codes: Int8Array,
  { codeOffset, integer }: CoremlAffineForm,
  slab: Slab,
): SlabPart {
  const bits = integer === 'int8' ? 8 : 4
  const packedCodes = storedCodes(slab.kernels, codes, { bits, offset: codeOffset })
  return { part, packed: packedCodes, bits: codes.length * bits }
}

function palettePartsOf(
  form: CoremlPaletteForm,
  encoding: PaletteEncoding,
  slab: Slab,
  mask: Uint8Array | null,
): readonly SlabPart[] {
  const { bits, vector, table } = encoding
  requireForm(
    bits === form.bits && vector.size === form.vector.size && isBlockOf(encoding, form.block),
    form,
    `has ${bits} bits, vectors of ${vector.size} and blocks of ${encoding.block.join(' x ')}`,
  )
  requireForm(vector.size === 1 || vector.axis === form.vector.axis, form, 'has vectors elsewhere')
  requireForm(table.dtype === form.dtype, form, `decodes to ${table.dtype}`)
  const indices = mask === null ? encoding.indices : keptValues(encoding.indices, mask)
  return [packed('indices', indices, bits, slab), ...tableParts(form, encoding, slab)]
}

/** Tables lie along the first axis as their blocks do. */
function tableParts(
  form: CoremlPaletteForm,
  { shape, table }: PaletteEncoding,
  slab: Slab,
): readonly SlabPart[] {
  const rows = freshRows(form.shape, form.block, shape, slab.firstRow)
  const dims = tableDims(form)
  const perRow = elementsOf(dims.slice(1))
  const tables = { ...rows, inner: perRow }
  if (table.kind === 'float') {
    requireForm(form.table === 'float', form, 'has tables of floats')
    return [floats('table', freshPart(table.values, tables), form.dtype, slab)]
  }
  const block = form.tableBlock ?? dims
  const isFitting =
    form.table === 'int8' && table.integer === 'int8' && table.zeroPoint === undefined
  requireForm(isFitting && isBlockOf(table, block), form, 'has other tables')
  const counts = blockCounts(dims, block)
  const along = block[0] ?? 1
  const firstTable = rows.firstBlock + rows.skip
  const scales: FreshRows = {
    firstBlock: Math.floor(rows.firstBlock / along),
    skip: Math.ceil(firstTable / along) - Math.floor(rows.firstBlock / along),
    count: Math.ceil((rows.firstBlock + rows.count) / along) - Math.floor(rows.firstBlock / along),
    inner: elementsOf(counts.slice(1)),
  }
  const codes = freshPart(table.codes, tables)
  return [
    packed('table', Uint8Array.from(codes), 8, slab),
    floats('table scale', freshPart(table.scale, scales), form.dtype, slab),
  ]
}

/** Which blocks of the first axis a slab has, and which of them are new. */
type FreshRows = {
  readonly firstBlock: number
  readonly count: number
  /** Blocks at its start that an earlier slab has as well. */
  readonly skip: number
  /** Values of each. */
  readonly inner: number
}

function freshRows(
  shape: readonly number[],
  block: readonly number[],
  slabShape: readonly number[],
  firstRow: number,
): FreshRows {
  const along = block[0] ?? 1
  const end = firstRow + (slabShape[0] ?? 1)
  const firstBlock = Math.floor(firstRow / along)
  return {
    firstBlock,
    count: Math.ceil(end / along) - firstBlock,
    skip: Math.ceil(firstRow / along) - firstBlock,
    inner: elementsOf(blockCounts(shape, block).slice(1)),
  }
}

function freshPart<Values extends Float32Array | Int8Array>(
  values: Values,
  { count, skip, inner }: FreshRows,
): Values
function freshPart(
  values: Float32Array | Int8Array,
  { count, skip, inner }: FreshRows,
): Float32Array | Int8Array {
  if (values.length !== count * inner) {
    throw new TypeError(`${values.length} values for ${count} x ${inner} blocks`)
  }
  return values.subarray(skip * inner)
}

function floats(
  part: CoremlPartName,
  values: Float32Array,
  dtype: 'float16' | 'float32',
  { kernels }: Slab,
): SlabPart {
  const bits = values.length * MIL_DTYPES[dtype].bits
  if (dtype === 'float32') {
    const copy = values.slice()
    return { part, packed: new Uint8Array(copy.buffer), bits }
  }
  const halves = new Uint16Array(values.length)
  kernels.floatToHalf(halves, values)
  return { part, packed: new Uint8Array(halves.buffer), bits }
}

function packed(
  part: CoremlPartName,
  values: Uint8Array,
  bits: PaletteBits,
  { kernels }: Slab,
): SlabPart {
  const length = values.length * bits
  if (bits === 8) return { part, packed: values, bits: length }
  const out = new Uint8Array(Math.ceil(length / 8))
  kernels.packBits(out, values, bits)
  return { part, packed: out, bits: length }
}

function isSlabOf(shape: readonly number[], whole: readonly number[]): boolean {
  const isShorter = (shape[0] ?? 0) <= (whole[0] ?? 0)
  return (
    isShorter && shape.length === whole.length && shape.slice(1).join() === whole.slice(1).join()
  )
}

/** A slab that is shorter than a block has a block of its own length. */
function isBlockOf(
  { shape, block }: { readonly shape: readonly number[]; readonly block: readonly number[] },
  whole: readonly number[],
): boolean {
  const along = Math.min(whole[0] ?? 1, shape[0] ?? 1)
  return [along, ...whole.slice(1)].join() === block.join()
}

function requireForm(condition: boolean, form: CoremlForm, what: string): void {
  if (!condition) throw new TypeError(`An encoding for ${form.ops.join(' + ')} ${what}`)
}
