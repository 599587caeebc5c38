import { boundConstant } from '../bound-constant.ts'
import { isConstant } from '../chain.ts'
import type { Operation, Program } from '../generated/coreml_pb.ts'
import { immediateIntegers, immediateString } from '../immediate.ts'
import type { Definition, ProgramOperation, ProgramWalk } from '../program.ts'
import { outputType } from './output-types.ts'
import type { TypedCall } from './output-types.ts'
import { outcome, refusal } from './structure-check.ts'
import type { StructureCheck } from './structure-check.ts'
import { mayEqual, shownType, tensorTypeOf } from './tensor-type.ts'
import type { TensorType } from './tensor-type.ts'

/** What is known of the types of operations that compute; constants have a check of their own. */
type CheckedTypes = {
  readonly problems: readonly string[]
  /** Operations that a rule could be held against, and how many of each type it could not. */
  readonly checked: number
  readonly unchecked: ReadonlyMap<string, number>
}

/**
 * Whether results of operations are of the type that they say, as far as rules are known. It passes with
 * a message where only some could be checked, and is skipped where none could.
 */
export function typesCheck(program: Program, walk: ProgramWalk): StructureCheck {
  const { problems, checked, unchecked } = checkedTypes(program, walk)
  const check = outcome('types', problems)
  if (check.status === 'failed' || unchecked.size === 0) return check
  const all = [...unchecked.values()].reduce((sum, count) => sum + count, checked)
  const message = `Checked ${checked} of ${all} operations; nothing known tells what these give: ${listed(unchecked)}.`
  return { name: 'types', status: checked === 0 ? 'skipped' : 'passed', message }
}

/** More types than this are only counted. */
const MOST_LISTED = 8

/** The most frequent first. */
function listed(counts: ReadonlyMap<string, number>): string {
  const all = [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  const shown = all
    .slice(0, MOST_LISTED)
    .map(([type, count]) => (count === 1 ? type.slice(0, 100) : `${type.slice(0, 100)} (${count})`))
  const hidden = all.length - shown.length
  return hidden > 0 ? `${shown.join(', ')} and ${hidden} more types` : shown.join(', ')
}

function checkedTypes(program: Program, { operations }: ProgramWalk): CheckedTypes {
  const problems: string[] = []
  const unchecked = new Map<string, number>()
  let checked = 0
  // Arguments of inner blocks may hide those of the function, and have no known type here.
  const hidden = new Set(operations.flatMap(({ block }) => block.inputs.map(({ name }) => name)))
  const inputs = new Map(
    program.functions.map(({ key, value }) => [
      key,
      new Map(
        (value?.inputs ?? [])
          .filter(({ name }) => !hidden.has(name))
          .map(({ name, type }) => [name, tensorTypeOf(type)]),
      ),
    ]),
  )
  for (const each of operations) {
    const { type, outputs } = each.operation
    if (isConstant(type) || outputs.length === 0) continue
    const problem = problemOf(each, inputs.get(each.function) ?? new Map())
    if (problem === undefined) unchecked.set(type, (unchecked.get(type) ?? 0) + 1)
    else checked++
    if (typeof problem === 'string') problems.push(problem)
  }
  return { problems, checked, unchecked }
}

type Arguments = ReadonlyMap<string, TensorType | undefined>

/** What is wrong, null for nothing; `undefined` where no rule tells. */
function problemOf(
  { operation, scope }: ProgramOperation,
  inputs: Arguments,
): string | null | undefined {
  const [output] = operation.outputs
  const declared = tensorTypeOf(output?.type)
  if (output === undefined || declared === undefined) return undefined
  const where = `${operation.type} ("${output.name.slice(0, 100)}")`
  const found = tryType(callOf(operation, scope, inputs))
  if (typeof found === 'string') return `${where} ${found}.`
  if (found === undefined) return undefined
  if (mayEqual(found, declared)) return null
  return `${where} gives ${shownType(found)}, and says that it gives ${shownType(declared)}.`
}

/** The reason where a call cannot be. */
function tryType(call: TypedCall): TensorType | string | undefined {
  try {
    return outputType(call)
  } catch (error) {
    return refusal(error)
  }
}

function callOf(
  operation: Operation,
  scope: ReadonlyMap<string, Definition | null>,
  inputs: Arguments,
): TypedCall {
  const bound = (parameter: string) =>
    operation.inputs.find(({ key }) => key === parameter)?.value?.arguments ?? []
  const types = (parameter: string): readonly (TensorType | undefined)[] =>
    bound(parameter).map(({ binding }) => {
      if (binding.case === 'value') return tensorTypeOf(binding.value.type)
      if (binding.case !== 'name') return undefined
      const definition = scope.get(binding.value)
      if (definition === null) return inputs.get(binding.value)
      return tensorTypeOf(definition?.operation.outputs[definition.output]?.type)
    })
  const constant = (parameter: string) => boundConstant({ operation, scope }, parameter)
  return {
    op: operation.type,
    types,
    type: (parameter) => types(parameter)[0],
    integers: (parameter) => immediateIntegers(constant(parameter)),
    text: (parameter) => immediateString(constant(parameter)),
  }
}
