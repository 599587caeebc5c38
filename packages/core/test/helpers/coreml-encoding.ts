import { blockCounts } from '../../src/formats/coreml/blocks.ts'
import type {
  CoremlAffineForm,
  CoremlFloatForm,
  CoremlForm,
  CoremlPaletteForm,
} from '../../src/formats/coreml/form-types.ts'
import { indexDims, tableDims } from '../../src/formats/coreml/parts.ts'
import type {
  AffineEncoding,
  Encoding,
  FloatEncoding,
  PaletteEncoding,
} from '../../src/scheme/encoding.ts'
import { roundToHalf } from '../../src/tensor/float16.ts'
import { elementsOf } from '../../src/tensor/weight.ts'

/** Numbers in [0, 1) that repeat for a seed (mulberry32). */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** An encoding that a form can hold, with made-up codes, scales, tables and masks. */
export function anyEncoding(form: CoremlForm, seed: number): Encoding {
  const random = seededNumbers(seed)
  switch (form.kind) {
    case 'float':
      return anyFloats(form.shape, form.stored, random)
    case 'affine':
      return anyAffine(form, random)
    case 'palette':
      return anyPalette(form, random)
    case 'sparse': {
      const mask = Uint8Array.from({ length: elementsOf(form.shape) }, () =>
        random() < 0.4 ? 1 : 0,
      )
      return { kind: 'sparse', shape: form.shape, mask, values: anyDense(form.values, random) }
    }
  }
}

function anyDense(
  form: CoremlFloatForm | CoremlAffineForm | CoremlPaletteForm,
  random: () => number,
): FloatEncoding | AffineEncoding | PaletteEncoding {
  switch (form.kind) {
    case 'float':
      return anyFloats(form.shape, form.stored, random)
    case 'affine':
      return anyAffine(form, random)
    case 'palette':
      return anyPalette(form, random)
  }
}

function anyFloats(
  shape: readonly number[],
  dtype: 'float16' | 'float32',
  random: () => number,
): FloatEncoding {
  const values = Float32Array.from({ length: elementsOf(shape) }, () => anyFloat(dtype, random))
  return { kind: 'float', dtype, shape, values }
}

function anyFloat(dtype: 'float16' | 'float32', random: () => number): number {
  return rounded((random() - 0.5) * 4, dtype)
}

function rounded(value: number, dtype: 'float16' | 'float32'): number {
  return dtype === 'float16' ? roundToHalf(value) : Math.fround(value)
}

function anyAffine(form: CoremlAffineForm, random: () => number): AffineEncoding {
  const { shape, block, dtype, integer, symmetric } = form
  const counts = blockCounts(shape, block)
  const limit = integer === 'int8' ? 127 : 7
  const base = affineBase(
    { shape, block, dtype, integer, limit, blocks: elementsOf(counts) },
    random,
  )
  if (symmetric) return base
  const zeroPoint = anyCodes(base.scale.length, -limit - 1, limit, random)
  return { ...base, codes: anyCodes(elementsOf(shape), -limit - 1, limit, random), zeroPoint }
}

function affineBase(
  {
    shape,
    block,
    dtype,
    integer,
    limit,
    blocks,
  }: Pick<AffineEncoding, 'shape' | 'block' | 'dtype' | 'integer'> & {
    readonly limit: number
    readonly blocks: number
  },
  random: () => number,
): AffineEncoding {
  return {
    kind: 'affine',
    dtype,
    integer,
    shape,
    block,
    codes: anyCodes(elementsOf(shape), -limit, limit, random),
    scale: Float32Array.from({ length: blocks }, () => rounded(0.001 + random() / 32, dtype)),
    scaleDtype: dtype,
  }
}

function anyPalette(form: CoremlPaletteForm, random: () => number): PaletteEncoding {
  const { bits, shape, block, vector, dtype, tableBlock } = form
  const count = elementsOf(indexDims(form))
  const indices = Uint8Array.from({ length: count }, () => Math.floor(random() * 2 ** bits))
  const dims = tableDims(form)
  const base = { kind: 'palette', bits, shape, block, vector, indices } as const
  if (form.table === 'float') return { ...base, table: anyFloats(dims, dtype, random) }
  const within = tableBlock ?? dims
  const blocks = elementsOf(blockCounts(dims, within))
  const facts = { shape: dims, block: within, dtype, integer: 'int8', limit: 127, blocks } as const
  return { ...base, table: affineBase(facts, random) }
}

function anyCodes(count: number, low: number, high: number, random: () => number): Int8Array {
  return Int8Array.from({ length: count }, () => low + Math.floor(random() * (high - low + 1)))
}

/** Rows `[start, end)` of an encoding, as a quantizer that works in slabs gives them. */
export function slabOf(encoding: Encoding, start: number, end: number): Encoding {
  const shape = [end - start, ...encoding.shape.slice(1)]
  const rows = <Values extends Float32Array | Int8Array | Uint8Array>(values: Values): Values =>
    sliced(values, values.length / (encoding.shape[0] ?? 1), start, end)
  switch (encoding.kind) {
    case 'float':
      return { ...encoding, shape, values: rows(encoding.values) }
    case 'sparse': {
      const values = slabOf(encoding.values, start, end)
      if (values.kind === 'sparse') throw new TypeError('values are dense')
      return { ...encoding, shape, mask: rows(encoding.mask), values }
    }
    case 'affine':
      return affineSlab(encoding, start, end)
    case 'palette': {
      const along = encoding.block[0] ?? 1
      const block = [Math.min(along, end - start), ...encoding.block.slice(1)]
      const [first, last] = [Math.floor(start / along), Math.ceil(end / along)]
      const table = slabOf(encoding.table, first, last)
      if (table.kind !== 'float' && table.kind !== 'affine') throw new TypeError('a table is dense')
      return { ...encoding, shape, block, indices: rows(encoding.indices), table }
    }
  }
}

function affineSlab(encoding: AffineEncoding, start: number, end: number): AffineEncoding {
  const { shape, block, codes, scale, zeroPoint } = encoding
  const along = block[0] ?? 1
  const [first, last] = [Math.floor(start / along), Math.ceil(end / along)]
  const perRow = elementsOf(blockCounts(shape, block).slice(1))
  const slab = {
    ...encoding,
    shape: [end - start, ...shape.slice(1)],
    block: [Math.min(along, end - start), ...block.slice(1)],
    codes: sliced(codes, elementsOf(shape.slice(1)), start, end),
    scale: sliced(scale, perRow, first, last),
  }
  return zeroPoint === undefined
    ? slab
    : { ...slab, zeroPoint: sliced(zeroPoint, perRow, first, last) }
}

function sliced<Values extends Float32Array | Int8Array | Uint8Array>(
  values: Values,
  perRow: number,
  start: number,
  end: number,
): Values
function sliced(
  values: Float32Array | Int8Array | Uint8Array,
  perRow: number,
  start: number,
  end: number,
): Float32Array | Int8Array | Uint8Array {
  return values.slice(start * perRow, end * perRow)
}
