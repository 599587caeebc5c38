import type { Block, Program } from '../generated/coreml_pb.ts'

/** What names of values, functions and parameters look like. */
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_@]*$/u

/** Names that are no identifiers, and names that two values of one block have. */
export function nameProblems(program: Program): readonly string[] {
  const problems: string[] = []
  for (const { key, value } of program.functions) {
    checkName(problems, 'The function', key)
    const inputs = value?.inputs.map(({ name }) => name) ?? []
    for (const { value: block } of value?.blockSpecializations ?? []) {
      if (block !== undefined) checkBlock(problems, key, block, inputs)
    }
  }
  return problems
}

function checkBlock(
  problems: string[],
  functionName: string,
  block: Block,
  inputs: readonly string[],
): void {
  const names = new Set<string>()
  const define = (name: string): void => {
    checkName(problems, 'The value', name)
    if (names.has(name)) {
      problems.push(
        `The function "${functionName}" gives two values of one block the name "${name}".`,
      )
    }
    names.add(name)
  }
  for (const name of inputs) define(name)
  for (const { name } of block.inputs) define(name)
  for (const operation of block.operations) {
    for (const inner of operation.blocks) checkBlock(problems, functionName, inner, [])
    for (const { name } of operation.outputs) define(name)
  }
}

function checkName(problems: string[], what: string, name: string): void {
  if (!IDENTIFIER.test(name)) {
    problems.push(`${what} "${name.slice(0, 100)}" has a name that is no identifier.`)
  }
}
