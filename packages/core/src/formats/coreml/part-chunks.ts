import { bitStream } from '../../kernels/bit-stream.ts'
import type { BitStream } from '../../kernels/bit-stream.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { scalarKernels } from '../../kernels/scalar.ts'
import type { Encoding } from '../../scheme/encoding.ts'
import type { CoremlForm, CoremlPartName, CoremlSparseForm } from './form-types.ts'
import { slabParts } from './slab-parts.ts'
import type { SlabPart } from './slab-parts.ts'

/** Bytes of one part, one after another. */
export type PartChunk = { readonly part: CoremlPartName; readonly bytes: Uint8Array }

/** A part whose bytes wait for the parts before it. */
type Pending = { readonly chunks: Uint8Array[]; readonly bits: BitStream }

/** What `slabParts` gives of some rows. */
export type PackedSlab = { readonly rows: number; readonly parts: readonly SlabPart[] }

/**
 * The bytes of each part of a weight, part after part in the order of `form.parts`, from its encoding
 * or from slabs of its rows in order. Slabs that are no whole blocks of the first axis repeat the
 * scales and tables of the block that they share.
 */
export function partChunks(
  form: CoremlForm,
  slabs: AsyncIterable<Encoding> | Iterable<Encoding>,
  kernels: Kernels = scalarKernels,
): AsyncGenerator<PartChunk> {
  return joinSlabs(form, packSlabs(form, slabs, kernels))
}

async function* packSlabs(
  form: CoremlForm,
  slabs: AsyncIterable<Encoding> | Iterable<Encoding>,
  kernels: Kernels,
): AsyncGenerator<PackedSlab> {
  let firstRow = 0
  for await (const encoding of slabs) {
    const rows = encoding.shape[0] ?? 1
    yield { rows, parts: slabParts(form, encoding, { firstRow, kernels }) }
    firstRow += rows
  }
}

/**
 * The bytes of each part, part after part, from slabs that were packed apart and come in order.
 *
 * The first part streams; what comes after it (scales and tables, and of a sparse weight all) is held
 * packed until its turn comes.
 */
export async function* joinSlabs(
  form: CoremlForm,
  slabs: AsyncIterable<PackedSlab>,
): AsyncGenerator<PartChunk> {
  const pending = new Map<CoremlPartName, Pending>(
    form.parts.map(({ name }) => [name, { chunks: [], bits: bitStream() }]),
  )
  const first = form.kind === 'sparse' ? undefined : form.parts[0]?.name
  let allRows = 0
  let keptBits = 0
  for await (const { rows, parts } of slabs) {
    for (const { part, packed, bits } of parts) {
      if (part === 'data' || part === 'indices') keptBits += bits
      const own = pending.get(part)
      const bytes = own?.bits.append(packed, bits)
      if (own === undefined || bytes === undefined || bytes.length === 0) continue
      if (part === first) yield { part, bytes }
      else own.chunks.push(bytes)
    }
    allRows += rows
  }
  requireRows(form, allRows)
  if (form.kind === 'sparse' && keptBits === 0) keepOne(form, pending)
  for (const [part, own] of pending) {
    for (const bytes of own.chunks.splice(0)) yield { part, bytes }
    const bytes = own.bits.end()
    if (bytes.length > 0) yield { part, bytes }
  }
}

/**
 * A mask that keeps nothing would leave an array without values, which readers of weight files refuse:
 * the first value is kept then, as zero.
 */
function keepOne(form: CoremlSparseForm, pending: ReadonlyMap<CoremlPartName, Pending>): void {
  const zeros = form.parts.find(({ name }) => name === 'mask')?.bytes ?? 1
  const mask = new Uint8Array(zeros)
  mask[0] = 1
  pending.get('mask')?.chunks.splice(0, Infinity, mask)
  pending.get('mask')?.bits.end()
  const { values } = form
  switch (values.kind) {
    case 'float':
      pending.get('data')?.chunks.push(new Uint8Array(values.stored === 'float32' ? 4 : 2))
      break
    case 'affine': {
      const bits = values.integer === 'int8' ? 8 : 4
      const offset = firstBits(pending.get('offset'), bits) ?? values.codeOffset
      append(pending.get('data'), offset, bits)
      break
    }
    case 'palette': {
      append(pending.get('indices'), 0, values.bits)
      // Nothing else uses the tables.
      for (const chunk of pending.get('table')?.chunks ?? []) chunk.fill(0)
      break
    }
  }
}

function append(part: Pending | undefined, value: number, bits: number): void {
  const whole = part?.bits.append(Uint8Array.of(value), bits)
  if (whole !== undefined) part?.chunks.push(whole)
}

/** The first value of a part, which is complete. */
function firstBits(part: Pending | undefined, bits: number): number | undefined {
  part?.chunks.push(part.bits.end())
  const byte = part?.chunks.find(({ length }) => length > 0)?.[0]
  return byte === undefined ? undefined : byte & (2 ** bits - 1)
}

function requireRows(form: CoremlForm, rows: number): void {
  const all = form.shape[0] ?? 1
  if (rows !== all) throw new TypeError(`${rows} rows of ${all} are encoded`)
}
