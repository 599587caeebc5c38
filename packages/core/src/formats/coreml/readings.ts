import type { WeightRole } from '../../operators/weight-role.ts'
import { chainOf, isConstexpr } from './chain.ts'
import type { Chain, ChainBuilder } from './chain.ts'
import { chainTypes } from './chain-types.ts'
import type { CoremlUse } from './document.ts'
import type { Binding, Operation } from './generated/coreml_pb.ts'
import { immediateIntegers } from './immediate.ts'
import { milUse } from './operators.ts'
import type { MilUse } from './operators.ts'
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

/** Operations that hand values on as they are, but for their dtype. */
const PASSING: ReadonlySet<string> = new Set(['cast', 'identity'])

/** Two casts behind one another are more than programs have. */
const MAX_PASSES = 4

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
  const readers = definitions.flatMap((definition) => realReaders(definition, builder, 0))
  const ways = readers.map((reader): Way => ({
    ...milUse(callOf(reader, builder), reader.input, shape),
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

/** Readers, seen through operations that only pass a value on. */
function realReaders(
  definition: Definition,
  builder: ChainBuilder,
  passes: number,
): readonly Reader[] {
  return definition.readers.flatMap((reader) => {
    if (passes === MAX_PASSES || passedBy(reader.operation, builder) !== definition) return [reader]
    const passed = builder.givenBy.get(reader.operation) ?? []
    const isEnd = passed.every(({ readers }) => readers.length === 0)
    return isEnd ? [reader] : passed.flatMap((each) => realReaders(each, builder, passes + 1))
  })
}

/**
 * The value that an operation hands on. One that reads several hands none on: following all of them
 * through a few such operations would take time without end.
 */
function passedBy(operation: Operation, builder: ChainBuilder): Definition | null | undefined {
  if (!PASSING.has(operation.type)) return undefined
  const [binding, second] = bindingsOf(operation).get('x') ?? []
  if (binding?.case !== 'name' || second !== undefined) return undefined
  return builder.scopes.get(operation)?.scope.get(binding.value)
}

/** Who reads the value itself; parts of other constants are no uses. */
function directUses({ readers }: Definition): readonly CoremlUse[] {
  return readers.filter(({ operation }) => !isConstexpr(operation.type)).map(useOf)
}

function useOf({ function: name, operation, input }: Reader): CoremlUse {
  return { function: name, op: operation.type, output: operation.outputs[0]?.name ?? '', input }
}

function callOf({ operation }: Reader, builder: ChainBuilder): Parameters<typeof milUse>[0] {
  return {
    op: operation.type,
    integer: (parameter) => integerOf(operation, parameter, builder),
    weightRank: (parameter) => weightRank(operation, parameter, builder),
  }
}

/** The first binding of a parameter. */
function bindingOf(operation: Operation, parameter: string): Bound | undefined {
  return bindingsOf(operation).get(parameter)?.[0]
}

type Bound = Binding['binding']

const known = new WeakMap<Operation, ReadonlyMap<string, readonly Bound[]>>()

/** What is bound to each parameter; found once, because many weights may ask the same operation. */
function bindingsOf(operation: Operation): ReadonlyMap<string, readonly Bound[]> {
  const found = known.get(operation)
  if (found !== undefined) return found
  const bindings = new Map<string, Bound[]>()
  for (const { key, value } of operation.inputs) {
    const own = bindings.get(key) ?? []
    for (const { binding } of value?.arguments ?? []) own.push(binding)
    bindings.set(key, own)
  }
  known.set(operation, bindings)
  return bindings
}

function integerOf(
  operation: Operation,
  parameter: string,
  builder: ChainBuilder,
): number | undefined {
  const binding = bindingOf(operation, parameter)
  if (binding?.case === 'value') return immediateIntegers(binding.value)?.[0]
  const chain = namedChain(operation, parameter, builder)
  const value = chain?.inputs.get('val')
  return value?.kind === 'value' ? immediateIntegers(value.value)?.[0] : undefined
}

function weightRank(
  operation: Operation,
  parameter: string,
  builder: ChainBuilder,
): number | undefined {
  const chain = namedChain(operation, parameter, builder)
  return chain === undefined ? undefined : chainTypes(chain)[0]?.shape.length
}

/** The constant that a parameter names, seen through operations that only pass it on. */
function namedChain(
  operation: Operation,
  parameter: string,
  builder: ChainBuilder,
): Chain | undefined {
  let [at, name] = [operation, parameter]
  for (let passes = 0; passes <= MAX_PASSES; passes++) {
    const binding = bindingOf(at, name)
    if (binding?.case !== 'name') return undefined
    const definition = builder.scopes.get(at)?.scope.get(binding.value)
    if (definition === undefined || definition === null) return undefined
    if (!PASSING.has(definition.operation.type)) return chainOf(builder, definition)
    at = definition.operation
    name = 'x'
  }
  return undefined
}
