import type { PaletteBits } from '../../scheme/scheme.ts'
import { elementsOf } from '../../tensor/weight.ts'
import { blockCounts } from './blocks.ts'
import type { CoremlPart, CoremlPartName } from './form-types.ts'
import { packedBytes } from './mil-dtype.ts'
import type { MilDtype } from './mil-dtype.ts'

/** The dtypes of table indices. */
const INDEX_DTYPES: Readonly<Record<PaletteBits, MilDtype>> = {
  1: 'uint1',
  2: 'uint2',
  3: 'uint3',
  4: 'uint4',
  6: 'uint6',
  8: 'uint8',
}

/** A part whose size is known. */
export function part(name: CoremlPartName, dtype: MilDtype, dims: readonly number[]): CoremlPart {
  const bytes = packedBytes(dtype, elementsOf(dims))
  return { name, dtype, dims, bytes, mostBytes: bytes }
}

/** A flat part with as many values as a mask keeps: at most `most`. */
export function keptPart(name: CoremlPartName, dtype: MilDtype, most: number): CoremlPart {
  return { name, dtype, dims: [null], bytes: null, mostBytes: packedBytes(dtype, most) }
}

/** Scales of iOS 18 and, for unsigned codes, their zero points: one a block, in the rank of the data. */
export function scaleParts(
  { integer, symmetric }: { readonly integer: 'int8' | 'int4'; readonly symmetric: boolean },
  dims: readonly number[],
  dtype: 'float16' | 'float32',
): readonly CoremlPart[] {
  const scale = part('scale', dtype, dims)
  return symmetric ? [scale] : [scale, part('offset', integer === 'int8' ? 'uint8' : 'uint4', dims)]
}

/** What the parts of a palette depend on. */
export type PaletteFacts = {
  readonly shape: readonly number[]
  readonly block: readonly number[]
  readonly bits: PaletteBits
  readonly vector: { readonly axis: number; readonly size: number }
  readonly table: 'float' | 'int8'
  readonly dtype: 'float16' | 'float32'
  /** An int8 table then has a scale a channel, because each channel's table has its own range. */
  readonly channelScale?: boolean
}

/**
 * Indices and tables. iOS 16 has them flat: bytes of packed indices and one table. iOS 18 has indices
 * in the shape of the weight (divided by the vector), and tables (blocks..., 2^bits, vector).
 */
export function paletteParts(
  facts: PaletteFacts,
  style: 'attributes' | 'inputs',
): { readonly parts: readonly CoremlPart[]; readonly tableBlock?: readonly number[] } {
  const { shape, bits, dtype, table } = facts
  const dims = indexDims(facts)
  if (style === 'attributes') {
    const flat = part('indices', 'uint8', [Math.ceil((elementsOf(shape) * bits) / 8)])
    return { parts: [flat, part('table', dtype, [2 ** bits])] }
  }
  const indices = part('indices', INDEX_DTYPES[bits], dims)
  if (table === 'float') return { parts: [indices, part('table', dtype, tableDims(facts))] }
  return { parts: [indices, ...int8TableParts(facts)], tableBlock: tableBlock(facts) }
}

/** The shape of the indices: one gives `vector.size` values along `vector.axis`. */
export function indexDims({ shape, vector }: PaletteFacts): readonly number[] {
  return shape.map((size, axis) => (axis === vector.axis ? size / vector.size : size))
}

/** (blocks..., 2^bits, vector size). */
export function tableDims(facts: PaletteFacts): readonly number[] {
  return [...blockCounts(facts.shape, facts.block), 2 ** facts.bits, facts.vector.size]
}

/** An int8 table and its scales. */
function int8TableParts(facts: PaletteFacts): readonly CoremlPart[] {
  const dims = tableDims(facts)
  return [
    part('table', 'int8', dims),
    part('table scale', facts.dtype, blockCounts(dims, tableBlock(facts))),
  ]
}

/** Entries of an int8 table that share a scale: all, or those of one channel. */
function tableBlock(facts: PaletteFacts): readonly number[] {
  const dims = tableDims(facts)
  if (facts.channelScale !== true) return dims
  return dims.map((size, axis) => (axis === dims.length - 2 ? size : 1))
}
