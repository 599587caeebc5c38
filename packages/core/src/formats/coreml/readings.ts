import type { WeightRole } from '../../operators/weight-role.ts'
import { isConstexpr } from './chain.ts'
import type { ChainBuilder } from './chain.ts'
import type { CoremlUse } from './document.ts'
import { einsumUse } from './einsum-use.ts'
import { movedReaders } from './moved-values.ts'
import type { MovedValue } from './moved-values.ts'
import { milUse } from './operators.ts'
import type { MilCall, MilUse } from './operators.ts'
import { bindingsOf, integersOf, textOf, weightRank } from './parameters.ts'
import type { Definition, Reader } from './program.ts'

/** What a weight is to all who read it. */
export type Reading = {
  readonly role: WeightRole
  readonly outputAxis: number
  readonly inputAxis: number
  /** Who decided about the axes, where readers want different ones, in words; null where they agree. */
  readonly disagreement: string | null
  readonly whyFloat: string | null
  readonly uses: readonly CoremlUse[]
}

/** Whether all but one axis have length 1, or none has more. */
export function isVector(shape: readonly number[]): boolean {
  return shape.filter((size) => size !== 1).length < 2
}

/** Role and axes of a weight, from the operations that read it in any function. */
export function readingOf(
  definitions: readonly Definition[],
  shape: readonly number[],
  builder: ChainBuilder,
): Reading {
  const readers = definitions.flatMap((definition) => movedReaders(definition, shape, builder))
  const ways = readers.map(({ reader, value }): Way => ({
    ...ofWeight(useBy(reader, value, builder), value, shape.length),
    reader: `${reader.operation.type} ("${reader.operation.outputs[0]?.name ?? ''}")`,
  }))
  const chosen = combined(ways)
  return {
    ...chosen,
    disagreement: disagreementOf(ways, chosen),
    whyFloat: whyFloat(definitions, shape),
    uses: definitions.flatMap(directUses),
  }
}

function whyFloat(definitions: readonly Definition[], shape: readonly number[]): string | null {
  if (shape.some((size) => size === 0)) return 'it has no values'
  if (isVector(shape)) return 'a vector stays float'
  if (definitions.some(({ isReturned }) => isReturned)) return 'it is an output of its block'
  if (definitions.every(({ readers }) => readers.length === 0)) return 'no operation reads it'
  return null
}

/** What a weight is to one reader, and which. */
type Way = MilUse & { readonly reader: string }

function disagreementOf(ways: readonly Way[], chosen: MilUse): string | null {
  const isSame = (way: Way): boolean =>
    way.outputAxis === chosen.outputAxis && way.inputAxis === chosen.inputAxis
  const known = ways.filter(({ role }) => role !== 'other')
  const [first, other] = [known.find(isSame), known.find((way) => !isSame(way))]
  if (first === undefined || other === undefined) return null
  const [kind, axis] = first.outputAxis === other.outputAxis ? INPUT : OUTPUT
  return `${first.reader} decides that ${kind} channels lie along axis ${first[axis]}; for ${other.reader} they lie along axis ${other[axis]}`
}

const OUTPUT = ['output', 'outputAxis'] as const

const INPUT = ['input', 'inputAxis'] as const

/** One answer for all; where they differ, that of the first who multiplies, else of the first. */
function combined(ways: readonly MilUse[]): MilUse {
  const known = ways.filter(({ role }) => role !== 'other')
  const first = known.find(({ role }) => role !== 'embedding') ?? known[0] ?? ways[0]
  if (first === undefined) return { role: 'other', outputAxis: 0, inputAxis: 1 }
  const { outputAxis, inputAxis } = first
  const isAgreed = known.every(
    (way) => way.outputAxis === outputAxis && way.inputAxis === inputAxis,
  )
  const roles = new Set(ways.map(({ role }) => role))
  if (roles.size === 1) return { ...first, role: isAgreed ? first.role : 'matrix' }
  const isTied = roles.size === 2 && roles.has('embedding') && roles.has('linear') && isAgreed
  return { role: isTied ? 'tied-embedding' : 'matrix', outputAxis, inputAxis }
}

/** Who reads the value itself; parts of other constants are no uses. */
function directUses({ readers }: Definition): readonly CoremlUse[] {
  return readers.filter(({ operation }) => !isConstexpr(operation.type)).map(useOf)
}

function useOf({ function: name, operation, input }: Reader): CoremlUse {
  return { function: name, op: operation.type, output: operation.outputs[0]?.name ?? '', input }
}

/** What a value that comes from a weight is to an operation, with axes of that value. */
function useBy(reader: Reader, value: MovedValue, builder: ChainBuilder): MilUse {
  const { operation, input } = reader
  if (operation.type !== 'einsum' || input !== 'values') {
    return milUse(callOf(reader, value, builder), input, value.shape)
  }
  const operands = bindingsOf(operation).get('values') ?? []
  const operand = operands.findIndex((each) => each.case === 'name' && each.value === value.name)
  return einsumUse(textOf(operation, 'equation', builder), operand)
}

/**
 * The same with axes of the weight. What was moved is no table to look up rows in, and multiplies with
 * its first axis as outputs where it cannot be told which axis became which.
 */
function ofWeight(use: MilUse, { axes, isMoved }: MovedValue, rank: number): MilUse {
  if (!isMoved) return use
  const { role } = use
  if (role === 'other' || role === 'embedding') {
    return { role: 'other', outputAxis: 0, inputAxis: 1 }
  }
  const outputAxis = axes[use.outputAxis] ?? null
  if (outputAxis === null) return { role: 'matrix', outputAxis: 0, inputAxis: rank > 1 ? 1 : 0 }
  const inputAxis = axes[use.inputAxis] ?? (outputAxis === 0 && rank > 1 ? 1 : 0)
  return { role: role === 'depthwise-conv' ? role : 'matrix', outputAxis, inputAxis }
}

function callOf(
  { operation, input }: Reader,
  { shape, isMoved }: MovedValue,
  builder: ChainBuilder,
): MilCall {
  return {
    op: operation.type,
    integer: (parameter) => integersOf(operation, parameter, builder)?.[0],
    weightRank: (parameter) =>
      isMoved && parameter === input ? shape.length : weightRank(operation, parameter, builder),
  }
}
