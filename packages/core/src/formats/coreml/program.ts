import { ensure } from '../../base/error.ts'
import type { Block, Operation, Program } from './generated/coreml_pb.ts'

/** One place that reads a value by its name. */
export type Reader = {
  readonly function: string
  readonly operation: Operation
  /** The parameter that it is bound to. */
  readonly input: string
}

/** A value that an operation gives, and who reads it. */
export type Definition = {
  readonly function: string
  /** The block that holds the operation, by which it is found and replaced. */
  readonly block: Block
  readonly operation: Operation
  /** Which of its outputs. */
  readonly output: number
  readonly name: string
  /** In program order. */
  readonly readers: Reader[]
  /** It leaves its block. */
  isReturned: boolean
}

/** An operation and the definitions that its names mean. */
export type ProgramOperation = {
  readonly function: string
  readonly block: Block
  readonly operation: Operation
  /** What each name that the operation reads means: arguments of functions and blocks are `null`. */
  readonly scope: ReadonlyMap<string, Definition | null>
}

/** A program, walked once. */
export type ProgramWalk = {
  /** Every value that an operation gives, in program order. */
  readonly definitions: readonly Definition[]
  /** Every operation, those of blocks inside operations included, in program order. */
  readonly operations: readonly ProgramOperation[]
}

/** Names of one block; what it does not define comes from the block around it. */
type Scope = {
  readonly names: Map<string, Definition | null>
  readonly outer: Scope | null
}

type Walk = {
  readonly file: string
  readonly function: string
  readonly definitions: Definition[]
  readonly operations: ProgramOperation[]
}

/**
 * Walks all functions with their blocks. A name must be defined before it is read, so that no value
 * depends on itself. Throws `malformed`.
 */
export function walkProgram(file: string, program: Program): ProgramWalk {
  const definitions: Definition[] = []
  const operations: ProgramOperation[] = []
  for (const { key, value } of program.functions) {
    const walk = { file, function: key, definitions, operations }
    const names = new Map((value?.inputs ?? []).map((input) => [input.name, null]))
    for (const { value: block } of value?.blockSpecializations ?? []) {
      if (block !== undefined) walkBlock(walk, block, { names, outer: null })
    }
  }
  return { definitions, operations }
}

function walkBlock(walk: Walk, block: Block, outer: Scope): void {
  const names = new Map<string, Definition | null>(block.inputs.map(({ name }) => [name, null]))
  const scope = { names, outer }
  for (const operation of block.operations) {
    walkOperation(walk, block, operation, scope)
    for (const [output, { name }] of operation.outputs.entries()) {
      const definition: Definition = {
        function: walk.function,
        block,
        operation,
        output,
        name,
        readers: [],
        isReturned: false,
      }
      names.set(name, definition)
      walk.definitions.push(definition)
    }
  }
  for (const name of block.outputs) {
    const definition = find(scope, name)
    ensure(definition !== undefined, 'malformed', undefinedName(walk, 'a block returns', name), {
      file: walk.file,
      value: name,
    })
    if (definition !== null) definition.isReturned = true
  }
}

function walkOperation(walk: Walk, block: Block, operation: Operation, outer: Scope): void {
  const scope = new Map<string, Definition | null>()
  for (const { key, value } of operation.inputs) {
    for (const { binding } of value?.arguments ?? []) {
      if (binding.case !== 'name') continue
      const definition = find(outer, binding.value)
      ensure(
        definition !== undefined,
        'malformed',
        undefinedName(walk, `${operation.type} reads as ${key}`, binding.value),
        { file: walk.file, value: binding.value },
      )
      scope.set(binding.value, definition)
      definition?.readers.push({ function: walk.function, operation, input: key })
    }
  }
  walk.operations.push({ function: walk.function, block, operation, scope })
  for (const inner of operation.blocks) walkBlock(walk, inner, outer)
}

function find(scope: Scope, name: string): Definition | null | undefined {
  for (let at: Scope | null = scope; at !== null; at = at.outer) {
    const found = at.names.get(name)
    if (found !== undefined) return found
  }
  return undefined
}

function undefinedName(walk: Walk, who: string, name: string): string {
  return (
    `"${walk.file}": in the function "${walk.function}", ${who} "${name.slice(0, 200)}", ` +
    'which nothing before it defines. The program is damaged.'
  )
}
