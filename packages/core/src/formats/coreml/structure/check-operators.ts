import { isOldStyle } from '../restyle.ts'
import type { Model, Operation, Program } from '../generated/coreml_pb.ts'
import { MIL_OPERATORS } from '../generated/operators.ts'
import { opsetOf, specOfOpset } from '../program-facts.ts'
import type { ProgramWalk } from '../program.ts'
import { INPUTS_SPEC } from '../../../targets/coreml-versions.ts'

/** Operators that bring their own parameters. */
const OWN_PARAMETERS: ReadonlySet<string> = new Set(['custom_layer'])

/** Operators whose parameters are attributes, in some version. */
const CONSTANTS = /^const(expr_.*)?$/u

/**
 * Operators and parameters that the operator set of their function does not have, parameters that are
 * missing, and operator sets that the specification version does not have.
 */
export function operatorProblems(
  model: Model,
  program: Program,
  walk: ProgramWalk,
): readonly string[] {
  const specs = new Map<string, number>()
  const problems: string[] = []
  for (const { key, value } of program.functions) {
    const opset = value?.opset ?? ''
    const spec = specOfOpset(opset)
    specs.set(key, spec)
    if (spec === 0) problems.push(`The function "${key}" has the unknown operator set "${opset}".`)
    if (spec > model.specificationVersion) {
      problems.push(
        `The function "${key}" has the operator set ${opset}, for which specification version ` +
          `${spec} is needed; the model has ${model.specificationVersion}.`,
      )
    }
  }
  for (const { function: name, operation } of walk.operations) {
    problems.push(...problemsOfOperation(operation, specs.get(name) ?? 0))
  }
  return problems
}

function problemsOfOperation(operation: Operation, spec: number): readonly string[] {
  const { type } = operation
  const name = operation.outputs[0]?.name ?? ''
  const where = `${type.slice(0, 100)} ("${name.slice(0, 100)}")`
  if (OWN_PARAMETERS.has(type) || spec === 0) return []
  const rows = Object.hasOwn(MIL_OPERATORS, type) ? (MIL_OPERATORS[type] ?? []) : []
  const row = rows.findLast(({ since }) => since <= spec)
  if (row === undefined) {
    const [first] = rows
    return [
      first === undefined
        ? `${where} is no operator of Core ML.`
        : `${where} came with ${opsetOf(first.since)}; its function has ${opsetOf(spec)}.`,
    ]
  }
  return parameterProblems(operation, row.inputs.split(' '), where, spec)
}

function parameterProblems(
  operation: Operation,
  known: readonly string[],
  where: string,
  spec: number,
): readonly string[] {
  const problems: string[] = []
  const given = new Set<string>()
  const isConstant = CONSTANTS.test(operation.type)
  const attributes = operation.attributes.map(({ key }) => key).filter((key) => key !== 'name')
  for (const key of [...operation.inputs.map((input) => input.key), ...attributes]) {
    if (given.has(key)) problems.push(`${where} has ${key} twice.`)
    given.add(key)
    const isKnown = known.includes(key) || known.includes(`${key}?`)
    if (!isKnown) problems.push(`${where} has no parameter ${key.slice(0, 100)}.`)
  }
  for (const parameter of known) {
    if (parameter !== '' && !parameter.endsWith('?') && !given.has(parameter)) {
      problems.push(`${where} lacks ${parameter}.`)
    }
  }
  if (!isConstant && attributes.length > 0) {
    problems.push(`${where} has ${attributes[0] ?? ''} as an attribute; only constants have those.`)
  }
  if (spec >= INPUTS_SPEC && isOldStyle(operation)) {
    problems.push(`${where} has attributes where ${opsetOf(spec)} has inputs.`)
  }
  return problems
}
