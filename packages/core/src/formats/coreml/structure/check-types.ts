import type { Operation, Program } from '../generated/coreml_pb.ts'
import { immediateIntegers, immediateString } from '../immediate.ts'
import type { Definition, ProgramOperation, ProgramWalk } from '../program.ts'
import { outputType } from './output-types.ts'
import type { TypedCall } from './output-types.ts'
import { refusal } from './structure-check.ts'
import { mayEqual, shownType, tensorTypeOf } from './tensor-type.ts'
import type { TensorType } from './tensor-type.ts'

/** Operations whose results are of another type than they say, as far as rules are known. */
export function typeProblems(program: Program, { operations }: ProgramWalk): readonly string[] {
  const problems: string[] = []
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
    const problem = problemOf(each, inputs.get(each.function) ?? new Map())
    if (problem !== null) problems.push(problem)
  }
  return problems
}

type Arguments = ReadonlyMap<string, TensorType | undefined>

function problemOf({ operation, scope }: ProgramOperation, inputs: Arguments): string | null {
  const [output] = operation.outputs
  const declared = tensorTypeOf(output?.type)
  if (output === undefined || declared === undefined) return null
  const where = `${operation.type} ("${output.name.slice(0, 100)}")`
  const found = tryType(callOf(operation, scope, inputs))
  if (typeof found === 'string') return `${where} ${found}.`
  if (found === undefined || mayEqual(found, declared)) return null
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
  const constant = (parameter: string) => {
    const binding = bound(parameter)[0]?.binding
    if (binding?.case === 'value') return binding.value
    const source = binding?.case === 'name' ? scope.get(binding.value)?.operation : undefined
    if (source?.type !== 'const') return undefined
    return source.attributes.find(({ key }) => key === 'val')?.value
  }
  return {
    op: operation.type,
    types,
    type: (parameter) => types(parameter)[0],
    integers: (parameter) => immediateIntegers(constant(parameter)),
    text: (parameter) => immediateString(constant(parameter)),
  }
}
