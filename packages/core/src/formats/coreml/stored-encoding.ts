import type {
  AffineEncoding,
  Encoding,
  FloatEncoding,
  PaletteEncoding,
  SparseEncoding,
} from '../../scheme/encoding.ts'
import { columnsOf, elementsOf } from '../../tensor/weight.ts'
import { codeOffset, readCodes, readFloats, readPacked } from './array-values.ts'
import { blockCounts } from './blocks.ts'
import { ensureDecodable } from './decode-limit.ts'
import { evaluateChain } from './evaluate-chain.ts'
import { keptBefore } from './kept-index.ts'
import type {
  StoredAffine,
  StoredFloats,
  StoredForm,
  StoredOther,
  StoredPalette,
  StoredSparse,
} from './stored-form.ts'

/** Rows `[start, end)` of a weight: what its first axis counts. */
export type Rows = { readonly start: number; readonly end: number }

/**
 * What is stored of some rows. They must be whole blocks of the first axis, or lie in one of them;
 * with vectors along the first axis, whole vectors. Throws `limit-exceeded` for too many values.
 */
export async function readEncoding(form: StoredForm, rows: Rows): Promise<Encoding> {
  ensureDecodable([rows.end - rows.start, ...form.shape.slice(1)])
  switch (form.kind) {
    case 'float':
      return readFloatRows(form, rows)
    case 'affine':
      return readAffineRows(form, rows)
    case 'palette':
      return readPaletteRows(form, rows)
    case 'sparse':
      return readSparseRows(form, rows)
    case 'other':
      return readOtherRows(form, rows)
  }
}

/** How a piece of rows lies in the blocks of the first axis. */
type Piece = {
  readonly shape: readonly number[]
  readonly block: readonly number[]
  /** Which blocks of the first axis, and how many blocks lie behind each. */
  readonly blocks: Rows
  readonly blocksInRow: number
}

function pieceOf(shape: readonly number[], block: readonly number[], { start, end }: Rows): Piece {
  const along = block[0] ?? 1
  return {
    shape: [end - start, ...shape.slice(1)],
    block: [Math.min(along, end - start), ...block.slice(1)],
    blocks: { start: Math.floor(start / along), end: Math.ceil(end / along) },
    blocksInRow: elementsOf(blockCounts(shape, block).slice(1)),
  }
}

async function readFloatRows(form: StoredFloats, rows: Rows): Promise<FloatEncoding> {
  const { dtype, shape } = form
  const columns = columnsOf(shape)
  const values = await readFloats(
    form.values,
    rows.start * columns,
    (rows.end - rows.start) * columns,
  )
  return { kind: 'float', dtype, shape: [rows.end - rows.start, ...shape.slice(1)], values }
}

/** What is stored of some rows of integers; rows as for `readEncoding`. */
export async function readAffineRows(form: StoredAffine, rows: Rows): Promise<AffineEncoding> {
  const columns = columnsOf(form.shape)
  const codes = await readCodes(form.codes, rows.start * columns, (rows.end - rows.start) * columns)
  return affineOf(form, pieceOf(form.shape, form.block, rows), codes)
}

/** Scales and zero points of a piece around its codes. */
async function affineOf(
  form: StoredAffine,
  piece: Piece,
  codes: Int8Array,
): Promise<AffineEncoding> {
  const { dtype, integer } = form
  const { shape, block } = piece
  const first = piece.blocks.start * piece.blocksInRow
  const count = (piece.blocks.end - piece.blocks.start) * piece.blocksInRow
  const isOneScale = elementsOf(form.scale.shape) === 1
  const scale = isOneScale
    ? new Float32Array(count).fill((await readFloats(form.scale, 0, 1))[0] ?? 0)
    : await readFloats(form.scale, first, count)
  const base = {
    kind: 'affine',
    dtype,
    integer,
    shape,
    block,
    codes,
    scale,
    scaleDtype: dtype,
  } as const
  const zeroPoint = await zeroPoints(form, first, count)
  return zeroPoint === null ? base : { ...base, zeroPoint }
}

/** `null` where zero is zero. */
async function zeroPoints(
  { offset, codes }: StoredAffine,
  first: number,
  count: number,
): Promise<Int8Array | null> {
  if (offset === null) {
    const zero = codeOffset(codes)
    return zero === 0 ? null : new Int8Array(count).fill(-zero)
  }
  if (elementsOf(offset.shape) !== 1) return readCodes(offset, first, count)
  return new Int8Array(count).fill((await readCodes(offset, 0, 1))[0] ?? 0)
}

async function readPaletteRows(form: StoredPalette, rows: Rows): Promise<PaletteEncoding> {
  const { vector, shape, bits } = form
  const [start, end] =
    vector.axis === 0 ? [rows.start / vector.size, rows.end / vector.size] : [rows.start, rows.end]
  const columns = columnsOf(shape) / (vector.axis === 0 ? 1 : vector.size)
  const indices = await readPacked(form.indices, bits, start * columns, (end - start) * columns)
  return paletteOf(form, pieceOf(shape, form.block, rows), indices)
}

/** The tables of a piece around its indices; the first axis of tables counts blocks of the first axis. */
async function paletteOf(
  { bits, vector, table }: StoredPalette,
  { shape, block, blocks }: Piece,
  indices: Uint8Array,
): Promise<PaletteEncoding> {
  const values =
    table.kind === 'float'
      ? await readFloatRows(table, blocks)
      : await readAffineRows(table, blocks)
  return { kind: 'palette', bits, shape, block, vector, indices, table: values }
}

/** Kept values are put where the mask says. */
async function readSparseRows(form: StoredSparse, rows: Rows): Promise<SparseEncoding> {
  const columns = columnsOf(form.shape)
  const [first, count] = [rows.start * columns, (rows.end - rows.start) * columns]
  const mask = await readPacked(form.mask, 1, first, count)
  const kept = { first: await keptBefore(form, first), count: sumOf(mask) }
  const shape = [rows.end - rows.start, ...form.shape.slice(1)]
  const values = await keptValues(form, rows, { mask, ...kept })
  return { kind: 'sparse', shape, mask, values }
}

type Kept = { readonly mask: Uint8Array; readonly first: number; readonly count: number }

async function keptValues(
  { values, shape }: StoredSparse,
  rows: Rows,
  { mask, first, count }: Kept,
): Promise<SparseEncoding['values']> {
  switch (values.kind) {
    case 'float': {
      const dense = new Float32Array(mask.length)
      scatter(dense, await readFloats(values.values, first, count), mask)
      const rowShape = [rows.end - rows.start, ...shape.slice(1)]
      return { kind: 'float', dtype: values.dtype, shape: rowShape, values: dense }
    }
    case 'affine': {
      const dense = new Int8Array(mask.length)
      scatter(dense, await readCodes(values.codes, first, count), mask)
      return affineOf(values, pieceOf(shape, values.block, rows), dense)
    }
    case 'palette': {
      const dense = new Uint8Array(mask.length)
      scatter(dense, await readPacked(values.indices, values.bits, first, count), mask)
      return paletteOf(values, pieceOf(shape, values.block, rows), dense)
    }
  }
}

/** Puts values one after another where the mask is set. */
function scatter<Values extends Float32Array | Int8Array | Uint8Array>(
  dense: Values,
  kept: Values,
  mask: Uint8Array,
): void {
  let at = 0
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue
    dense[i] = kept[at] ?? 0
    at++
  }
}

function sumOf(mask: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < mask.length; i++) sum += mask[i] ?? 0
  return sum
}

async function readOtherRows(form: StoredOther, rows: Rows): Promise<FloatEncoding> {
  const { dtype, shape, chain } = form
  const columns = columnsOf(shape)
  const all = await evaluateChain(chain)
  const values = all.slice(rows.start * columns, rows.end * columns)
  return { kind: 'float', dtype, shape: [rows.end - rows.start, ...shape.slice(1)], values }
}
