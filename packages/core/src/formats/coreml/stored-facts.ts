import { scaleBlock } from '../../algorithms/scheme-blocks.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { AffineScheme, Granularity } from '../../scheme/scheme.ts'
import type { Chain } from './chain.ts'
import type { CoremlOperation } from './form-types.ts'
import type { StoredArray } from './stored-array.ts'
import type { FloatDtype, StoredAffine, StoredForm, StoredPalette } from './stored-form.ts'

const FLOAT_NAMES: Readonly<Record<FloatDtype, string>> = { float16: 'fp16', float32: 'fp32' }

/** What a name depends on besides the form. */
type Naming = {
  readonly outputAxis: number
  readonly inputAxis: number
  /** Whether the zero points of integers lie in the middle of their range. */
  readonly isSymmetric: boolean
}

/** How a weight is stored, as precision names are written where one fits. */
export function precisionOf(form: StoredForm, axes: Naming): string {
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
      return `sparse${zeros}+${precisionOf(form.values, axes)}`
    }
    case 'other':
      return `${form.chain.op} of ${FLOAT_NAMES[form.dtype]}`
  }
}

function affineName(form: StoredAffine, naming: Naming): string {
  const { outputAxis, inputAxis, isSymmetric: symmetric } = naming
  const { integer, dtype, block, shape } = form
  const split = shape.flatMap((size, axis) => (block[axis] === size ? [] : [axis]))
  const [only = 0] = split
  const blockSize = block[inputAxis] ?? 1
  const granularity: Granularity =
    split.length === 0
      ? { kind: 'per-tensor' }
      : split.length === 1 && block[only] === 1
        ? { kind: 'per-channel', axis: only }
        : { kind: 'per-block', axis: inputAxis, blockSize }
  const kind = 'affine' as const
  const scheme: AffineScheme = { kind, dtype: integer, symmetric, granularity, scaleDtype: dtype }
  const name = precisionName(scheme)
  // Names mean the channels that operators give and take.
  if (granularity.kind === 'per-channel') {
    return only === outputAxis ? name : `${name} of axis ${only}`
  }
  const isNamed = scaleBlock(scheme, { shape, outputAxis }).join() === block.join()
  return isNamed ? name : `${name} of blocks [${block.join(', ')}]`
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

/** Whether a chain has signed codes where only unsigned ones are read right on every device. */
export function hasSignedCodes(chain: Chain): boolean {
  return [...chainOperations(chain)].some(({ op, inputs }) => {
    const codes = inputs.get('quantized_data')
    const isCodes = op === 'constexpr_affine_dequantize' && codes?.kind === 'value'
    return isCodes && codes.array?.dtype === 'int8'
  })
}

/** Each operation after those that it reads, each once. */
function chainOperations(chain: Chain): ReadonlySet<Chain> {
  const found = new Set<Chain>()
  const visit = (each: Chain): void => {
    if (found.has(each)) return
    for (const input of each.inputs.values()) if (input.kind === 'chain') visit(input.chain)
    found.add(each)
  }
  visit(chain)
  return found
}
