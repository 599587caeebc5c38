import { precisionName } from '../../scheme/precision.ts'
import type { Granularity } from '../../scheme/scheme.ts'
import type { Chain } from './chain.ts'
import type { CoremlOperation } from './form-types.ts'
import type { StoredArray } from './stored-array.ts'
import type {
  FloatDtype,
  StoredAffine,
  StoredDense,
  StoredForm,
  StoredPalette,
} from './stored-form.ts'

const FLOAT_NAMES: Readonly<Record<FloatDtype, string>> = { float16: 'fp16', float32: 'fp32' }

type Axes = { readonly outputAxis: number; readonly inputAxis: number }

/** How a weight is stored, as precision names are written where one fits. */
export function precisionOf(form: StoredForm, axes: Axes): string {
  switch (form.kind) {
    case 'float':
      return FLOAT_NAMES[form.dtype]
    case 'affine':
      return affineName(form, axes)
    case 'palette':
      return paletteName(form)
    case 'sparse': {
      const all = form.shape.reduce((product, size) => product * size, 1)
      const zeros = Math.round((1 - form.kept / Math.max(1, all)) * 100)
      return `sparse${zeros}+${denseName(form.values, axes)}`
    }
    case 'other':
      return `${form.chain.op} of ${FLOAT_NAMES[form.dtype]}`
  }
}

function denseName(form: StoredDense, axes: Axes): string {
  return precisionOf(form, axes)
}

function affineName(form: StoredAffine, { inputAxis }: Axes): string {
  const { integer, dtype, block, shape, offset, codes } = form
  const symmetric = offset === null ? !codes.dtype.startsWith('uint') : false
  const split = shape.flatMap((size, axis) => (block[axis] === size ? [] : [axis]))
  const [only = 0] = split
  const blockSize = block[inputAxis] ?? 1
  const granularity: Granularity =
    split.length === 0
      ? { kind: 'per-tensor' }
      : split.length === 1 && block[only] === 1
        ? { kind: 'per-channel', axis: only }
        : { kind: 'per-block', axis: inputAxis, blockSize }
  return precisionName({
    kind: 'affine',
    dtype: integer,
    symmetric,
    granularity,
    scaleDtype: dtype,
  })
}

function paletteName({ bits, block, shape, vector, table }: StoredPalette): string {
  const axis = shape.findIndex((size, at) => block[at] !== size)
  const granularity: Granularity =
    axis < 0 ? { kind: 'per-tensor' } : { kind: 'per-block', axis, blockSize: block[axis] ?? 1 }
  return precisionName({
    kind: 'palette',
    bits,
    granularity,
    vectorSize: vector.size,
    table: table.kind === 'float' ? 'float' : 'int8',
    channelScale: false,
  })
}

/** Operations in program order. */
export function operationsOf(chain: Chain): readonly CoremlOperation[] {
  return [...chainOperations(chain)].map(({ op }) => op)
}

/** Every array of a chain once, in the order in which its operations name them. */
export function arraysOf(chain: Chain): readonly StoredArray[] {
  const arrays = new Map<string | StoredArray, StoredArray>()
  for (const { inputs } of chainOperations(chain)) {
    for (const input of inputs.values()) {
      if (input.kind !== 'value' || input.array === undefined) continue
      const { place } = input.array
      arrays.set(place === null ? input.array : `${place.file}@${place.offset}`, input.array)
    }
  }
  return [...arrays.values()]
}

/** Bytes of all arrays of a chain. */
export function storedBytes(chain: Chain): number {
  return arraysOf(chain).reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Each operation after those that it reads, each once. */
export function chainOperations(chain: Chain): ReadonlySet<Chain> {
  const found = new Set<Chain>()
  const visit = (each: Chain): void => {
    if (found.has(each)) return
    for (const input of each.inputs.values()) if (input.kind === 'chain') visit(input.chain)
    found.add(each)
  }
  visit(chain)
  return found
}
