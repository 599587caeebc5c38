import { ensure } from '../../base/error.ts'
import { largestOf } from '../../base/largest.ts'
import { FIRST_PROGRAM_SPEC, NEWEST_SPEC } from '../../targets/coreml-versions.ts'
import type { MilFunction, Model, Program } from './generated/coreml_pb.ts'

/** The function of a program with only one. */
const MAIN = 'main'

/** The operator set of a specification version: `CoreML8` of version 9. */
export function opsetOf(spec: number): string {
  return `CoreML${spec - 1}`
}

/** The specification version of an operator set; 0 for one that Mixbit does not know. */
export function specOfOpset(opset: string): number {
  for (let spec = FIRST_PROGRAM_SPEC; spec <= NEWEST_SPEC; spec++) {
    if (opset === opsetOf(spec)) return spec
  }
  return 0
}

/** The newest version among the operator sets of a program's functions. */
export function programSpec(declared: number, program: Program): number {
  const specs = program.functions.map(({ value }) => specOfOpset(value?.opset ?? '') || declared)
  return largestOf(FIRST_PROGRAM_SPEC, specs)
}

/**
 * The program of a model. Throws `malformed` unless the functions that the model describes are there,
 * each once and with the block that it names.
 */
export function ensureFunctions(file: string, model: Model): Program {
  const program = model.mlProgram
  ensure(program !== undefined, 'malformed', `"${file}" has no program.`, { file })
  const functions = new Map<string, MilFunction>()
  for (const { key, value } of program.functions) {
    const name = key.slice(0, 200)
    ensure(
      value !== undefined && !functions.has(key),
      'malformed',
      `"${file}" has the function "${name}" ${value === undefined ? 'without a body' : 'twice'}.`,
      { file, function: name },
    )
    const blocks = value.blockSpecializations.filter((block) => block.key === value.opset)
    ensure(
      blocks.length === 1 && blocks[0]?.value !== undefined,
      'malformed',
      `"${file}": the function "${name}" has no block for its operator set "${value.opset.slice(0, 200)}".`,
      { file, function: name },
    )
    functions.set(key, value)
  }
  for (const name of describedFunctions(model)) {
    ensure(
      functions.has(name),
      'malformed',
      `"${file}" has no function "${name.slice(0, 200)}", which its description names.`,
      { file, function: name.slice(0, 200) },
    )
  }
  return program
}

/** Names of the functions that a description speaks of. */
function describedFunctions({ description }: Model): readonly string[] {
  const named = description?.functions.map(({ name }) => name) ?? []
  if (named.length === 0) return [MAIN]
  const main = description?.defaultFunctionName ?? ''
  return main === '' ? named : [...new Set([...named, main])]
}
