import { clone } from '@bufbuild/protobuf'
import type { CoremlDocument } from './document.ts'
import { formOperations } from './encodings.ts'
import type { PartValues } from './encodings.ts'
import type { CoremlForm } from './form-types.ts'
import type { Block, Model, Operation, Program } from './generated/coreml_pb.ts'
import { ModelSchema } from './generated/coreml_pb.ts'
import { freshNamer } from './fresh-names.ts'
import { walkProgram } from './program.ts'
import type { ProgramWalk } from './program.ts'
import { raiseProgram } from './raise-opset.ts'
import { unneededConstants } from './remove-weights.ts'

/** A copy of a program whose weights are being exchanged. */
export type ProgramEdit = {
  readonly model: Model
  readonly program: Program
  /** Puts the operations of a weight where it was made. */
  readonly place: (name: string, form: CoremlForm, values: PartValues) => void
  /** Takes out what is no longer needed. After it the program is whole again. */
  readonly finish: () => void
}

/**
 * Starts the exchange of these weights: what made them is emptied, so that the values still in the
 * program are those that stay. All functions are raised to `spec`.
 *
 * @param spec - null: the versions stay
 */
export function editProgram(
  document: CoremlDocument,
  names: Iterable<string>,
  spec: number | null,
): ProgramEdit {
  const model = clone(ModelSchema, document.model)
  const program = model.mlProgram
  if (program === undefined) throw new TypeError('a document has a program')
  const walk = walkProgram(document.manifest.modelPath, program)
  const sites = sitesOf(document, walk, names)
  const removed = new Set([...sites.values()].flat())
  const becomes = new Map<Operation, readonly Operation[]>()
  for (const operation of unneededConstants(walk, removed)) becomes.set(operation, [])
  const labels = emptied([...removed, ...becomes.keys()])
  const fresh = freshNames(program, walk)
  if (spec !== null) {
    raiseProgram(program, { spec, walk, fresh })
    model.specificationVersion = Math.max(model.specificationVersion, spec)
  }
  return {
    model,
    program,
    place(name, form, values) {
      for (const site of sites.get(name) ?? []) {
        const output = site.outputs[0]?.name ?? ''
        const operations = formOperations(form, values, { name: output, fresh })
        relabel(operations.at(-1), labels.get(site))
        becomes.set(site, operations)
      }
    },
    finish() {
      for (const { value } of program.functions) {
        for (const { value: block } of value?.blockSpecializations ?? []) {
          if (block !== undefined) exchange(block, becomes)
        }
      }
    },
  }
}

function sitesOf(
  document: CoremlDocument,
  { operations }: ProgramWalk,
  names: Iterable<string>,
): ReadonlyMap<string, readonly Operation[]> {
  const sites = new Map<string, readonly Operation[]>()
  for (const name of names) {
    const own = document.sites.get(name)?.operations
    if (own === undefined) throw new TypeError(`the document has no weight "${name}"`)
    sites.set(
      name,
      own.flatMap((at) => operations[at]?.operation ?? []),
    )
  }
  return sites
}

/** Takes parameters out, and gives what operations called themselves. */
function emptied(
  operations: readonly Operation[],
): ReadonlyMap<Operation, Operation['attributes'][number] | undefined> {
  return new Map(
    operations.map((operation) => {
      const label = operation.attributes.find(({ key }) => key === 'name')
      operation.attributes = []
      operation.inputs = []
      return [operation, label]
    }),
  )
}

/** The operation that gives a weight keeps the name of the one before it. */
function relabel(
  operation: Operation | undefined,
  label: Operation['attributes'][number] | undefined,
): void {
  if (operation === undefined || label === undefined) return
  operation.attributes = operation.attributes.map((each) => (each.key === 'name' ? label : each))
}

function exchange(block: Block, becomes: ReadonlyMap<Operation, readonly Operation[]>): void {
  for (const operation of block.operations) {
    for (const inner of operation.blocks) exchange(inner, becomes)
  }
  block.operations = block.operations.flatMap((operation) => becomes.get(operation) ?? [operation])
}

/** Names are unique in the whole program, so that none hides another in a block. */
function freshNames(program: Program, walk: ProgramWalk): (base: string) => string {
  const names = new Set(walk.definitions.map(({ name }) => name))
  for (const { value } of program.functions) {
    for (const { name } of value?.inputs ?? []) names.add(name)
  }
  for (const { block } of walk.operations) for (const { name } of block.inputs) names.add(name)
  const nameOf = freshNamer(names)
  return (base) => nameOf(base, (number) => (number === 0 ? base : `${base}_${number - 1}`))
}
