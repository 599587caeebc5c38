import type { PaletteBits } from '../../scheme/scheme.ts'
import { roundToHalf } from '../../tensor/float16.ts'
import { elementsOf } from '../../tensor/weight.ts'
import { readAllFloats, readPacked } from './array-values.ts'
import type { Chain } from './chain.ts'
import { affineAxis, chainTypes, flatShape, vectorAxis } from './chain-types.ts'
import { ensureDecodable } from './decode-limit.ts'
import { blockNumbers, narrowed } from './element-places.ts'
import { MIL_DTYPES } from './mil-dtype.ts'
import { misfitting } from './misfitting.ts'
import type { StoredArray } from './stored-array.ts'
import type { StaticTensor } from './value-types.ts'

/** Values of one tensor, integers as numbers: all are exact in float32. */
type Values = { readonly type: StaticTensor; readonly values: Float32Array<ArrayBuffer> }

/**
 * The values that a chain gives, computed operation by operation as Core ML documents them, each
 * result rounded once to its dtype. For what no encoding says; whole, because any order may come.
 */
export async function evaluateChain(chain: Chain): Promise<Float32Array<ArrayBuffer>> {
  const [first] = await evaluate(chain)
  if (first === undefined) throw misfitting(chain, 'gives nothing')
  return first.values
}

/** All outputs, in the types that `chainTypes` finds. */
async function evaluate(chain: Chain): Promise<readonly Values[]> {
  for (const type of chainTypes(chain)) ensureDecodable(type?.shape ?? [])
  const values = await outputValues(chain)
  return chainTypes(chain).flatMap((type, output) => {
    const own = values[output]
    return type === undefined || own === undefined ? [] : [{ type, values: rounded(type, own) }]
  })
}

function outputValues(chain: Chain): Promise<readonly Float32Array<ArrayBuffer>[]> {
  switch (chain.op) {
    case 'const':
      return only(chain, 'val')
    case 'constexpr_cast':
      return only(chain, 'source_val')
    case 'constexpr_affine_dequantize':
      return affine(chain, 'quantized_data')
    case 'dequantize':
      return affine(chain, 'input')
    case 'constexpr_blockwise_shift_scale':
      return scaledData(chain)
    case 'constexpr_lut_to_dense':
      return looked(chain)
    case 'constexpr_sparse_to_dense':
      return denseData(chain)
    case 'constexpr_sparse_blockwise_shift_scale':
      return scaledKept(chain)
    case 'constexpr_lut_to_sparse':
      return lookedKept(chain)
  }
}

async function input(chain: Chain, name: string): Promise<Values> {
  const source = chain.inputs.get(name)
  if (source?.kind === 'chain') {
    const found = (await evaluate(source.chain))[source.output]
    if (found !== undefined) return found
  }
  const array = source?.kind === 'value' ? source.array : undefined
  if (array === undefined) throw misfitting(chain, `has no ${name}`)
  return { type: array, values: await numbersOf(chain, array) }
}

async function numbersOf(chain: Chain, array: StoredArray): Promise<Float32Array<ArrayBuffer>> {
  const { dtype } = array
  if (dtype === 'float16' || dtype === 'float32') return readAllFloats(array)
  const bits = INTEGER_BITS.find((each) => each === MIL_DTYPES[dtype].bits)
  if (bits === undefined) throw misfitting(chain, `reads ${dtype}`)
  const stored = await readPacked(array, bits, 0, elementsOf(array.shape))
  const half = dtype === 'int4' || dtype === 'int8' ? 2 ** (bits - 1) : Infinity
  return Float32Array.from(stored, (value) => (value >= half ? value - 2 * half : value))
}

const INTEGER_BITS: readonly PaletteBits[] = [1, 2, 3, 4, 6, 8]

async function only(chain: Chain, name: string): Promise<readonly Float32Array<ArrayBuffer>[]> {
  return [(await input(chain, name)).values]
}

async function affine(
  chain: Chain,
  codes: 'quantized_data' | 'input',
): Promise<readonly Float32Array<ArrayBuffer>[]> {
  const data = await input(chain, codes)
  const scale = await input(chain, 'scale')
  const zero = chain.inputs.has('zero_point') ? await input(chain, 'zero_point') : NO_ZERO
  const { shape } = data.type
  const axis = chain.inputs.has('axis') ? affineAxis(chain, shape.length) : -1
  const counts = shape.map((size, at) => (at === axis ? size : 1))
  const channel = blockNumbers(shape, counts)
  const at = ({ values }: Pick<Values, 'values'>, i: number): number =>
    values[values.length === 1 ? 0 : channel(i)] ?? 0
  const out = data.values.map((value, i) => exact(chain, (value - at(zero, i)) * at(scale, i)))
  return [out]
}

const NO_ZERO = { values: new Float32Array(1) }

async function scaledData(chain: Chain): Promise<readonly Float32Array<ArrayBuffer>[]> {
  const { type, values } = await input(chain, 'data')
  return [await shiftScale(chain, type.shape, values)]
}

async function shiftScale(
  chain: Chain,
  shape: readonly number[],
  values: Float32Array<ArrayBuffer>,
): Promise<Float32Array<ArrayBuffer>> {
  const scale = await input(chain, 'scale')
  const offset = chain.inputs.has('offset') ? await input(chain, 'offset') : undefined
  const block = blockNumbers(shape, scale.type.shape)
  return values.map((value, i) => {
    const at = block(i)
    return exact(chain, (value - (offset?.values[at] ?? 0)) * (scale.values[at] ?? 0))
  })
}

/** The product of two float32 is exact in a double: rounding to half must not go through float32. */
function exact(chain: Chain, product: number): number {
  return chainTypes(chain).at(-1)?.dtype === 'float16' ? roundToHalf(product) : product
}

async function looked(chain: Chain): Promise<readonly Float32Array<ArrayBuffer>[]> {
  const indices = chain.inputs.get('indices')
  if (!chain.inputs.has('shape') || indices?.kind !== 'value' || indices.array === undefined) {
    const { type, values } = await input(chain, 'indices')
    return [await lookUp(chain, type.shape, values)]
  }
  const table = (await input(chain, 'lut')).values
  const bits = INTEGER_BITS.find((each) => 2 ** each === table.length)
  if (bits === undefined) throw misfitting(chain, `has a table of ${table.length}`)
  const flat = await readPacked(indices.array, bits, 0, elementsOf(flatShape(chain)))
  return [Float32Array.from(flat, (index) => table[index] ?? 0)]
}

async function lookUp(
  chain: Chain,
  shape: readonly number[],
  indices: Float32Array,
): Promise<Float32Array<ArrayBuffer>> {
  const table = await input(chain, 'lut')
  const [entries = 1, size = 1] = table.type.shape.slice(-2)
  const axis = vectorAxis(chain, shape.length, size)
  const tableOf = blockNumbers(shape, table.type.shape.slice(0, -2))
  const out = new Float32Array(elementsOf(shape) * size)
  const place = narrowed(shape, axis, size)
  for (let i = 0; i < out.length; i++) {
    const { source, component } = place(i)
    const entry = tableOf(source) * entries + (indices[source] ?? 0)
    out[i] = table.values[entry * size + component] ?? 0
  }
  return out
}

async function denseData(chain: Chain): Promise<readonly Float32Array<ArrayBuffer>[]> {
  const source = chain.inputs.get('mask')
  if (!chain.inputs.has('shape') || source?.kind !== 'value' || source.array === undefined) {
    return [await scattered(chain, 'nonzero_data', (await input(chain, 'mask')).values)]
  }
  const elements = elementsOf(flatShape(chain))
  const mask = Float32Array.from(await readPacked(source.array, 1, 0, elements))
  return [await scattered(chain, 'nonzero_data', mask)]
}

async function scaledKept(chain: Chain): Promise<readonly Float32Array<ArrayBuffer>[]> {
  const mask = await input(chain, 'data_mask')
  const codes = await scattered(chain, 'nonzero_data', mask.values)
  const dense = await shiftScale(chain, mask.type.shape, codes)
  return [mask.values, dense.filter((_, i) => mask.values[i] !== 0)]
}

async function lookedKept(chain: Chain): Promise<readonly Float32Array<ArrayBuffer>[]> {
  const { type, values } = await input(chain, 'indices_mask')
  const indices = await scattered(chain, 'indices_nonzero_data', values)
  const dense = await lookUp(chain, type.shape, indices)
  const size = dense.length / Math.max(1, values.length)
  const place = narrowed(type.shape, vectorAxis(chain, type.shape.length, size), size)
  const mask = dense.map((_, i) => values[place(i).source] ?? 0)
  return [mask, dense.filter((_, i) => mask[i] !== 0)]
}

/** Kept values where the mask is set, zeros elsewhere. Throws where their numbers differ. */
async function scattered(
  chain: Chain,
  name: string,
  mask: Float32Array,
): Promise<Float32Array<ArrayBuffer>> {
  const { values } = await input(chain, name)
  const dense = new Float32Array(mask.length)
  let at = 0
  for (const [i, bit] of mask.entries()) {
    if (bit === 0) continue
    dense[i] = values[at] ?? 0
    at++
  }
  if (at !== values.length) {
    throw misfitting(chain, `has a mask that keeps ${at} values where ${values.length} are stored`)
  }
  return dense
}

function rounded(
  { dtype }: StaticTensor,
  values: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  return dtype === 'float16' ? values.map((value) => roundToHalf(value)) : values
}
