import type { PaletteBits } from '../../scheme/scheme.ts'
import { elementsOf } from '../../tensor/weight.ts'
import type { Chain } from './chain.ts'
import { affineAxis, chainTypes, requiredType, vectorAxis } from './chain-types.ts'
import { MIL_DTYPES } from './mil-dtype.ts'
import type { StoredArray } from './stored-array.ts'
import type {
  FloatDtype,
  StoredAffine,
  StoredDense,
  StoredFloats,
  StoredForm,
  StoredPalette,
  StoredSparse,
} from './stored-form.ts'
import type { StaticTensor } from './value-types.ts'

const PALETTE_BITS: readonly PaletteBits[] = [1, 2, 3, 4, 6, 8]

/**
 * What a chain stores; `undefined` when its values are no floats. Throws `malformed` where parts do
 * not fit together.
 */
export function describeChain(chain: Chain): StoredForm | undefined {
  const type = chainTypes(chain)[0]
  const dtype = floatDtype(type)
  if (type === undefined || dtype === undefined) return undefined
  const { shape } = type
  return plainForm(chain, { dtype, shape }) ?? { kind: 'other', dtype, shape, chain }
}

type FloatType = { readonly dtype: FloatDtype; readonly shape: readonly number[] }

function floatDtype(type: StaticTensor | undefined): FloatDtype | undefined {
  return type?.dtype === 'float16' || type?.dtype === 'float32' ? type.dtype : undefined
}

/** `undefined` for what no encoding says. */
function plainForm(chain: Chain, type: FloatType): StoredForm | undefined {
  switch (chain.op) {
    case 'const':
      return floats(arrayOf(chain, 'val'))
    case 'constexpr_cast': {
      const source = chain.inputs.get('source_val')
      return source?.kind === 'chain'
        ? describeChain(source.chain)
        : floats(arrayOf(chain, 'source_val'))
    }
    case 'constexpr_affine_dequantize':
      return affine(chain, type, 'quantized_data')
    case 'dequantize':
      return affine(chain, type, 'input')
    case 'constexpr_blockwise_shift_scale':
      return shiftScale(chain, type, arrayOf(chain, 'data'))
    case 'constexpr_lut_to_dense':
      return palette(chain, type, arrayOf(chain, 'indices'))
    case 'constexpr_sparse_to_dense':
      return sparse(chain, type)
    case 'constexpr_lut_to_sparse':
    case 'constexpr_sparse_blockwise_shift_scale':
      return undefined
  }
}

function arrayOf(chain: Chain, name: string): StoredArray | undefined {
  const input = chain.inputs.get(name)
  return input?.kind === 'value' ? input.array : undefined
}

function floats(values: StoredArray | undefined): StoredFloats | undefined {
  const dtype = floatDtype(values)
  if (values === undefined || dtype === undefined) return undefined
  return { kind: 'float', dtype, shape: values.shape, values }
}

/** iOS 16, and `dequantize` of iOS 17: scales and zero points of one axis, or single ones. */
function affine(
  chain: Chain,
  { dtype, shape }: FloatType,
  data: 'quantized_data' | 'input',
): StoredAffine | undefined {
  const codes = arrayOf(chain, data)
  const scale = arrayOf(chain, 'scale')
  const offset = arrayOf(chain, 'zero_point') ?? null
  if (codes === undefined || scale === undefined) return undefined
  if (offset === null ? chain.inputs.has('zero_point') : offset.dtype !== codes.dtype) {
    return undefined
  }
  const isPerChannel = [scale, offset].some((each) => each !== null && elementsOf(each.shape) > 1)
  const axis = isPerChannel ? affineAxis(chain, shape.length) : -1
  const block = shape.map((size, at) => (at === axis ? 1 : size))
  return { kind: 'affine', dtype, shape, block, integer: 'int8', codes, scale, offset }
}

/** iOS 18: scales of blocks. */
function shiftScale(
  chain: Chain,
  { dtype, shape }: FloatType,
  codes: StoredArray | undefined,
): StoredAffine | undefined {
  const scale = arrayOf(chain, 'scale')
  const offset = arrayOf(chain, 'offset') ?? null
  const hasOffset = chain.inputs.has('offset')
  if (codes === undefined || scale === undefined) return undefined
  if (hasOffset && offset?.dtype !== codes.dtype) return undefined
  const integer = INTEGERS[codes.dtype]
  if (integer === undefined) return undefined
  const block = shape.map((size, axis) => size / (scale.shape[axis] ?? 1))
  return { kind: 'affine', dtype, shape, block, integer, codes, scale, offset }
}

const INTEGERS: Readonly<Record<string, 'int8' | 'int4'>> = {
  int4: 'int4',
  int8: 'int8',
  uint4: 'int4',
  uint8: 'int8',
}

/** @param type - of the decoded values */
function palette(
  chain: Chain,
  { dtype, shape }: FloatType,
  indices: StoredArray | undefined,
): StoredPalette | undefined {
  const table = tableOf(chain)
  if (indices === undefined || table === undefined) return undefined
  if (chain.inputs.has('shape')) return flatPalette(table, { dtype, shape }, indices)
  const bits = paletteBits(MIL_DTYPES[indices.dtype].bits)
  const size = table.shape.at(-1) ?? 1
  const vector = { axis: vectorAxis(chain, shape.length, size), size }
  const block = shape.map((each, axis) => each / (table.shape[axis] ?? 1))
  if (bits === undefined) return undefined
  return { kind: 'palette', dtype, shape, block, vector, bits, indices, table }
}

/** iOS 16: one table without axes of blocks. */
function flatPalette(
  table: StoredFloats | StoredAffine,
  { dtype, shape }: FloatType,
  indices: StoredArray,
): StoredPalette | undefined {
  const entries = elementsOf(table.shape)
  const bits = paletteBits(Math.log2(entries))
  if (bits === undefined || table.kind !== 'float') return undefined
  return {
    kind: 'palette',
    dtype,
    shape,
    block: shape,
    vector: { axis: 0, size: 1 },
    bits,
    indices,
    table: { ...table, shape: [...shape.map(() => 1), entries, 1] },
  }
}

function paletteBits(bits: number): PaletteBits | undefined {
  return PALETTE_BITS.find((each) => each === bits)
}

function tableOf(chain: Chain): StoredFloats | StoredAffine | undefined {
  const input = chain.inputs.get('lut')
  if (input?.kind !== 'chain') return floats(arrayOf(chain, 'lut'))
  const described = describeChain(input.chain)
  if (described?.dtype !== requiredType(chain, 'lut').dtype) return undefined
  if (described.kind === 'float') return described
  if (described.kind !== 'affine') return undefined
  // Tables are read by the first axis; scales that span some of them and not all are computed.
  const [tables, along] = [described.shape[0], described.block[0]]
  return along === 1 || along === tables ? described : undefined
}

function sparse(chain: Chain, { dtype, shape }: FloatType): StoredSparse | undefined {
  const mask = maskOf(chain)
  const values = keptValues(chain, { dtype, shape })
  if (mask === undefined || values === undefined) return undefined
  return {
    kind: 'sparse',
    dtype,
    shape,
    mask,
    kept: elementsOf(requiredType(chain, 'nonzero_data').shape),
    values,
  }
}

/** The mask itself, or that which the operation before passes on. */
function maskOf(chain: Chain): StoredArray | undefined {
  const own = arrayOf(chain, 'mask')
  const input = chain.inputs.get('nonzero_data')
  if (input?.kind !== 'chain') return own
  const inner = innerMask(input.chain)
  if (inner === undefined) return undefined
  if (own !== undefined) return isSame(own, inner) ? own : undefined
  const named = chain.inputs.get('mask')
  const isPassedOn = named?.kind === 'chain' && named.chain === input.chain && named.output === 0
  return isPassedOn ? inner : undefined
}

function innerMask(chain: Chain): StoredArray | undefined {
  if (chain.op === 'constexpr_sparse_blockwise_shift_scale') return arrayOf(chain, 'data_mask')
  if (chain.op !== 'constexpr_lut_to_sparse') return undefined
  // The mask of vectors is not the mask of their values.
  const isScalar = requiredType(chain, 'lut').shape.at(-1) === 1
  return isScalar ? arrayOf(chain, 'indices_mask') : undefined
}

function isSame(a: StoredArray, b: StoredArray): boolean {
  if (a === b) return true
  if (a.place === null || b.place === null) return false
  return a.place.file === b.place.file && a.place.offset === b.place.offset
}

/** What is stored of the kept values. */
function keptValues(chain: Chain, type: FloatType): StoredDense | undefined {
  const input = chain.inputs.get('nonzero_data')
  if (input?.kind !== 'chain') {
    const values = floats(arrayOf(chain, 'nonzero_data'))
    return values && { ...values, shape: type.shape }
  }
  if (input.output !== 1) return undefined
  const inner = input.chain
  if (inner.op === 'constexpr_sparse_blockwise_shift_scale') {
    return shiftScale(inner, type, arrayOf(inner, 'nonzero_data'))
  }
  if (inner.op === 'constexpr_lut_to_sparse') {
    return palette(inner, type, arrayOf(inner, 'indices_nonzero_data'))
  }
  return undefined
}
