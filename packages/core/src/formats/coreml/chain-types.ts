import { elementsOf } from '../../tensor/weight.ts'
import type { Chain, ChainInput } from './chain.ts'
import { immediateIntegers } from './immediate.ts'
import { MIL_DTYPES } from './mil-dtype.ts'
import type { MilDtype } from './mil-dtype.ts'
import { misfitting } from './misfitting.ts'
import { MAX_ELEMENTS, MAX_RANK } from './value-types.ts'
import type { StaticTensor } from './value-types.ts'

/** The types of a chain's outputs; `undefined` for one that cannot be told. */
export type ChainTypes = readonly (StaticTensor | undefined)[]

/** A vector longer than this would make more values than any memory holds out of a small file. */
const MAX_VECTOR = 256

const known = new WeakMap<Chain, ChainTypes>()

/**
 * What a chain gives, found from its parts and not from what it says. Throws `malformed` where parts
 * break a rule of their operation.
 *
 * @see https://github.com/apple/coremltools/tree/main/coremltools/converters/mil/mil/ops/defs
 */
export function chainTypes(chain: Chain): ChainTypes {
  const found = known.get(chain) ?? infer(chain)
  known.set(chain, found)
  return found
}

/** The type of an input; `undefined` when it is no tensor that Mixbit knows. */
function inputType(input: ChainInput | undefined): StaticTensor | undefined {
  if (input === undefined) return undefined
  if (input.kind === 'value') return input.array
  return chainTypes(input.chain)[input.output]
}

/** The type of an input that an operation cannot do without. */
export function requiredType(chain: Chain, name: string): StaticTensor {
  const type = inputType(chain.inputs.get(name))
  if (type === undefined) throw misfitting(chain, `has no ${name}`)
  return type
}

/** The integers of a small input that stands in the program itself. */
function integersOf(chain: Chain, name: string): readonly number[] | undefined {
  const input = chain.inputs.get(name)
  if (input?.kind !== 'value') return undefined
  const { value } = input
  const inField = immediateIntegers(value)
  if (inField !== undefined) return inField
  const held = value.value.case === 'immediateValue' ? value.value.value.value : undefined
  const tensor = held?.case === 'tensor' ? held.value.value : undefined
  const dtype = input.array?.dtype
  if (tensor?.case !== 'bytes' || (dtype !== 'uint32' && dtype !== 'int32')) return undefined
  const bytes = new Uint8Array(tensor.value.values)
  const Numbers = dtype === 'int32' ? Int32Array : Uint32Array
  return [...new Numbers(bytes.buffer, 0, Math.floor(bytes.length / 4))]
}

/** The axis along which one index gives several values; 0 where each gives one. */
export function vectorAxis(chain: Chain, rank: number, size: number): number {
  const [said] = integersOf(chain, 'vector_axis') ?? []
  if (said === undefined) {
    if (size > 1) throw misfitting(chain, 'has vectors and no vector_axis')
    return 0
  }
  const axis = said < 0 ? said + rank : said
  if (axis < 0 || axis >= rank) throw misfitting(chain, `has vector_axis ${said} for ${rank} axes`)
  return axis
}

/** The shape that flat arrays of iOS 16 have when decoded. */
export function flatShape(chain: Chain): readonly number[] {
  const shape = integersOf(chain, 'shape')
  if (shape === undefined) throw misfitting(chain, 'has no readable shape')
  const elements = shape.reduce((product, size) => product * Math.max(1, size), 1)
  if (shape.length > MAX_RANK || elements > MAX_ELEMENTS)
    throw misfitting(chain, 'has more values than any tensor')
  return shape
}

function infer(chain: Chain): ChainTypes {
  switch (chain.op) {
    case 'const':
      return [inputType(chain.inputs.get('val'))]
    case 'constexpr_cast':
      return [{ dtype: 'float32', shape: requireDtype(chain, 'source_val', ['float16']).shape }]
    case 'constexpr_affine_dequantize':
      return [affineType(chain)]
    case 'constexpr_blockwise_shift_scale':
      return [scaledType(chain, requireDtype(chain, 'data', SCALED))]
    case 'constexpr_lut_to_dense':
      return [chain.inputs.has('shape') ? flatTableType(chain) : tableType(chain)]
    case 'constexpr_sparse_to_dense':
      return [chain.inputs.has('shape') ? flatSparseType(chain) : sparseType(chain)]
    case 'constexpr_lut_to_sparse':
      return tableSparseTypes(chain)
    case 'constexpr_sparse_blockwise_shift_scale':
      return scaledSparseTypes(chain)
    case 'dequantize':
      return [dequantizedType(chain)]
  }
}

const FLOATS: readonly MilDtype[] = ['float16', 'float32']
const SCALED: readonly MilDtype[] = ['int4', 'uint4', 'int8', 'uint8', ...FLOATS]
const TABLES: readonly MilDtype[] = ['int8', 'uint8', ...FLOATS]
const INDICES: readonly MilDtype[] = ['uint1', 'uint2', 'uint3', 'uint4', 'uint6', 'uint8']

/** Entries of a table of iOS 16. */
const FLAT_TABLES: readonly number[] = [2, 4, 16, 64, 256]

function requireDtype(chain: Chain, name: string, dtypes: readonly MilDtype[]): StaticTensor {
  const type = requiredType(chain, name)
  if (!dtypes.includes(type.dtype)) throw misfitting(chain, `has ${name} of ${type.dtype}`)
  return type
}

function affineType(chain: Chain): StaticTensor {
  const data = requireDtype(chain, 'quantized_data', ['int8', 'uint8'])
  const scale = requireDtype(chain, 'scale', FLOATS)
  const zero = requireDtype(chain, 'zero_point', [data.dtype, 'float32'])
  const along = data.shape[affineAxis(chain, data.shape.length)]
  for (const { shape } of [scale, zero]) {
    if (shape.length > 1 || (shape.length === 1 && shape[0] !== along)) {
      throw misfitting(chain, `has scales [${shape.join(', ')}] for an axis of ${along}`)
    }
  }
  return { dtype: scale.dtype, shape: data.shape }
}

/** What is no weight in one of the usual forms is carried as any other operation. */
function dequantizedType(chain: Chain): StaticTensor | undefined {
  const [data, scale] = [inputType(chain.inputs.get('input')), inputType(chain.inputs.get('scale'))]
  const zero = inputType(chain.inputs.get('zero_point'))
  if (data?.dtype !== 'int8' && data?.dtype !== 'uint8') return undefined
  if (scale === undefined || !FLOATS.includes(scale.dtype)) return undefined
  if (chain.inputs.has('zero_point') && zero?.dtype !== data.dtype) return undefined
  const [axis = data.shape.length] = integersOf(chain, 'axis') ?? []
  const along = data.shape.at(axis)
  const isFitting = [scale, zero ?? scale].every(
    ({ shape }) => elementsOf(shape) === 1 || (shape.length === 1 && shape[0] === along),
  )
  return isFitting ? { dtype: scale.dtype, shape: data.shape } : undefined
}

/** The axis of scales of iOS 16. */
export function affineAxis(chain: Chain, rank: number): number {
  const [said] = integersOf(chain, 'axis') ?? []
  const axis = (said ?? rank) < 0 ? (said ?? 0) + rank : (said ?? rank)
  if (axis < 0 || axis >= rank)
    throw misfitting(chain, `has axis ${said ?? 'none'} for ${rank} axes`)
  return axis
}

/** @param data - codes in the shape of the weight, or the shape that its mask gives them */
function scaledType(chain: Chain, data: StaticTensor): StaticTensor {
  const scale = requireDtype(chain, 'scale', FLOATS)
  ensureBlocks(chain, data.shape, scale.shape)
  const offset = inputType(chain.inputs.get('offset'))
  if (chain.inputs.has('offset')) {
    const isFitting = offset !== undefined && offset.shape.join() === scale.shape.join()
    if (!isFitting) throw misfitting(chain, 'has other offsets than scales')
    if (offset.dtype !== data.dtype && !FLOATS.includes(offset.dtype)) {
      throw misfitting(chain, `has offsets of ${offset.dtype} for data of ${data.dtype}`)
    }
  }
  return { dtype: scale.dtype, shape: data.shape }
}

function ensureBlocks(chain: Chain, shape: readonly number[], counts: readonly number[]): void {
  const isFitting =
    shape.length > 0 &&
    counts.length === shape.length &&
    shape.every((size, axis) => (counts[axis] ?? 0) > 0 && size % (counts[axis] ?? 1) === 0)
  if (!isFitting) {
    throw misfitting(chain, `splits [${shape.join(', ')}] into [${counts.join(', ')}] blocks`)
  }
}

function flatTableType(chain: Chain): StaticTensor {
  const indices = requireDtype(chain, 'indices', ['uint8'])
  const table = requireDtype(chain, 'lut', TABLES)
  const [entries = 0] = table.shape
  const shape = flatShape(chain)
  if (table.shape.length !== 1 || !FLAT_TABLES.includes(entries)) {
    throw misfitting(
      chain,
      `has a table of [${table.shape.join(', ')}]; it has 2, 4, 16, 64 or 256`,
    )
  }
  const bytes = Math.ceil((elementsOf(shape) * Math.log2(entries)) / 8)
  if (indices.shape.length !== 1 || indices.shape[0] !== bytes) {
    throw misfitting(
      chain,
      `has ${elementsOf(indices.shape)} bytes of indices where ${bytes} are needed`,
    )
  }
  return { dtype: table.dtype, shape }
}

function tableType(chain: Chain): StaticTensor {
  const indices = requireDtype(chain, 'indices', INDICES)
  const { shape, dtype } = tableResult(chain, indices.shape, indices.dtype)
  return { dtype, shape }
}

/** @param shape - that of the indices, or the one that their mask gives them */
function tableResult(
  chain: Chain,
  shape: readonly number[],
  indices: MilDtype,
): { readonly dtype: MilDtype; readonly shape: readonly number[]; readonly size: number } {
  const table = requireDtype(chain, 'lut', TABLES)
  const [entries = 0, size = 0] = table.shape.slice(-2)
  ensureBlocks(chain, shape, table.shape.slice(0, -2))
  const nameable = 2 ** MIL_DTYPES[indices].bits
  if (entries !== nameable || size < 1) {
    throw misfitting(
      chain,
      `has tables of ${entries} entries for indices of ${indices}, which can name ${nameable}`,
    )
  }
  if (size > MAX_VECTOR) throw misfitting(chain, `has vectors of ${size} values`)
  const axis = vectorAxis(chain, shape.length, size)
  const result = shape.map((each, at) => (at === axis ? each * size : each))
  if (elementsOf(result) > MAX_ELEMENTS) throw misfitting(chain, 'has more values than any tensor')
  return { dtype: table.dtype, shape: result, size }
}

function flatSparseType(chain: Chain): StaticTensor {
  const kept = requireDtype(chain, 'nonzero_data', TABLES)
  const mask = requireDtype(chain, 'mask', ['uint8'])
  const shape = flatShape(chain)
  const bytes = Math.ceil(elementsOf(shape) / 8)
  if (kept.shape.length !== 1 || mask.shape.length !== 1 || mask.shape[0] !== bytes) {
    throw misfitting(
      chain,
      `has a mask of ${elementsOf(mask.shape)} bytes where ${bytes} are needed`,
    )
  }
  return { dtype: kept.dtype, shape }
}

function sparseType(chain: Chain): StaticTensor {
  const { kept, mask } = keptTypes(chain, 'nonzero_data', 'mask', SCALED)
  return { dtype: kept.dtype, shape: mask.shape }
}

function tableSparseTypes(chain: Chain): ChainTypes {
  const { kept, mask } = keptTypes(chain, 'indices_nonzero_data', 'indices_mask', INDICES)
  const { dtype, shape, size } = tableResult(chain, mask.shape, kept.dtype)
  return [
    { dtype: 'uint1', shape },
    { dtype, shape: [elementsOf(kept.shape) * size] },
  ]
}

function scaledSparseTypes(chain: Chain): ChainTypes {
  const { kept, mask } = keptTypes(chain, 'nonzero_data', 'data_mask', SCALED)
  const { dtype } = scaledType(chain, { dtype: kept.dtype, shape: mask.shape })
  return [mask, { dtype, shape: kept.shape }]
}

function keptTypes(
  chain: Chain,
  keptName: string,
  maskName: string,
  dtypes: readonly MilDtype[],
): { readonly kept: StaticTensor; readonly mask: StaticTensor } {
  const kept = requireDtype(chain, keptName, dtypes)
  const mask = requireDtype(chain, maskName, ['uint1'])
  if (kept.shape.length !== 1 || mask.shape.length === 0) {
    throw misfitting(chain, `has ${keptName} of ${kept.shape.length} axes; kept values are a list`)
  }
  if (elementsOf(kept.shape) > elementsOf(mask.shape)) {
    throw misfitting(chain, 'keeps more values than its mask has')
  }
  return { kept, mask }
}
