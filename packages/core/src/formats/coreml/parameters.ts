import { chainOf } from './chain.ts'
import type { Chain, ChainBuilder } from './chain.ts'
import { chainTypes } from './chain-types.ts'
import type { Binding, Operation, Value } from './generated/coreml_pb.ts'
import { immediateIntegers, immediateString } from './immediate.ts'

/** Operations that hand values on as they are, but for their dtype. */
export const PASSING: ReadonlySet<string> = new Set(['cast', 'identity'])

/** Two casts behind one another are more than programs have. */
const MAX_PASSES = 4

/** The first binding of a parameter. */
function bindingOf(operation: Operation, parameter: string): Bound | undefined {
  return bindingsOf(operation).get(parameter)?.[0]
}

export type Bound = Binding['binding']

const known = new WeakMap<Operation, ReadonlyMap<string, readonly Bound[]>>()

/** What is bound to each parameter; found once, because many weights may ask the same operation. */
export function bindingsOf(operation: Operation): ReadonlyMap<string, readonly Bound[]> {
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

/** The integers or booleans of a parameter that is a constant. */
export function integersOf(
  operation: Operation,
  parameter: string,
  builder: ChainBuilder,
): readonly number[] | undefined {
  return immediateIntegers(valueOf(operation, parameter, builder))
}

/** The text of a parameter that is a constant. */
export function textOf(
  operation: Operation,
  parameter: string,
  builder: ChainBuilder,
): string | undefined {
  return immediateString(valueOf(operation, parameter, builder))
}

function valueOf(
  operation: Operation,
  parameter: string,
  builder: ChainBuilder,
): Value | undefined {
  const binding = bindingOf(operation, parameter)
  if (binding?.case === 'value') return binding.value
  const value = namedChain(operation, parameter, builder)?.inputs.get('val')
  return value?.kind === 'value' ? value.value : undefined
}

/** The rank of a parameter that is a constant; `undefined` when it is none. */
export function weightRank(
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
