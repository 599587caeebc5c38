import { ensure } from '../../base/error.ts'
import type { BlobFile } from './blob-index.ts'
import { COREML_OPERATIONS } from './form-types.ts'
import type { CoremlOperation } from './form-types.ts'
import type { ArgumentEntry, Operation, Value } from './generated/coreml_pb.ts'
import type { Definition, ProgramOperation, ProgramWalk } from './program.ts'
import { storedArray } from './stored-array.ts'
import type { StoredArray } from './stored-array.ts'
import { staticTensor } from './value-types.ts'
import type { StaticTensor } from './value-types.ts'

/** A `const` or `constexpr_` operation, or a `dequantize` of such, with what it is made of. */
export type Chain = {
  readonly op: CoremlOperation
  /** A type like `constexpr_lut_to_dense` has other parameters as attributes than as inputs. */
  readonly style: 'attributes' | 'inputs'
  readonly operation: Operation
  readonly inputs: ReadonlyMap<string, ChainInput>
  /** What it says that it gives, output by output. */
  readonly outputs: readonly (StaticTensor | undefined)[]
  /** Operations one behind another, this one included. */
  readonly length: number
}

/** Core ML itself needs four: a table is scaled, looked up, made dense and cast. */
const MAX_LENGTH = 5

/** `constexpr_sparse_to_dense` reads a mask and values; nothing reads more of other operations. */
const MAX_SOURCES = 2

/** A literal or named constant, or an output of another operation of the chain. */
export type ChainInput =
  | { readonly kind: 'value'; readonly value: Value; readonly array: StoredArray | undefined }
  | { readonly kind: 'chain'; readonly chain: Chain; readonly output: number }

const CHAIN_OPERATIONS: ReadonlyMap<string, CoremlOperation> = new Map(
  COREML_OPERATIONS.map((op) => [op, op]),
)

/** Whether an operation gives values from what is stored compressed, also one of a later version. */
export function isConstexpr(type: string): boolean {
  return type.startsWith('constexpr_')
}

/** Whether an operation holds values and computes nothing at run time. */
export function isConstant(type: string): boolean {
  return type === 'const' || isConstexpr(type)
}

/** Chains are built once an operation, so that long ones cost no more than their length. */
export type ChainBuilder = {
  readonly files: ReadonlyMap<string, BlobFile>
  readonly scopes: ReadonlyMap<Operation, ProgramOperation>
  readonly givenBy: ReadonlyMap<Operation, readonly Definition[]>
  readonly built: Map<Operation, Chain | null>
}

/** Starts building the chains of a program. */
export function chainBuilder(
  walk: ProgramWalk,
  files: ReadonlyMap<string, BlobFile>,
): ChainBuilder {
  const scopes = new Map(walk.operations.map((each) => [each.operation, each]))
  return { files, scopes, givenBy: definitionsByOperation(walk), built: new Map() }
}

function definitionsByOperation({
  definitions,
}: ProgramWalk): ReadonlyMap<Operation, readonly Definition[]> {
  const found = new Map<Operation, Definition[]>()
  for (const definition of definitions) {
    const own = found.get(definition.operation)
    if (own === undefined) found.set(definition.operation, [definition])
    else own.push(definition)
  }
  return found
}

/**
 * The chain that gives a value; `undefined` when an operation is no known constant. Throws
 * `malformed` for arrays that are not where they should be.
 */
export function chainOf(builder: ChainBuilder, definition: Definition): Chain | undefined {
  const { operation } = definition
  const known = builder.built.get(operation)
  if (known !== undefined) return known ?? undefined
  const chain = buildChain(builder, operation)
  builder.built.set(operation, chain ?? null)
  return chain
}

function buildChain(builder: ChainBuilder, operation: Operation): Chain | undefined {
  const op = CHAIN_OPERATIONS.get(operation.type)
  if (op === undefined) return undefined
  const inputs = new Map<string, ChainInput>()
  const name = operation.outputs[0]?.name ?? operation.type
  for (const { key, value } of operation.attributes) {
    if (key === 'name' || value === undefined) continue
    inputs.set(key, literal(builder, value, name))
  }
  for (const entry of operation.inputs) {
    const input = namedOrLiteral(builder, operation, entry, name)
    if (input === undefined) return undefined
    inputs.set(entry.key, input)
  }
  const sources = [...inputs.values()].filter(({ kind }) => kind === 'chain')
  // Both limits keep the time that following a chain takes in bounds.
  if (sources.length > MAX_SOURCES) return undefined
  const length = 1 + Math.max(0, ...sources.map((input) => lengthOf(input)))
  if (length > MAX_LENGTH) return undefined
  const style = operation.inputs.length > 0 ? 'inputs' : 'attributes'
  const outputs = operation.outputs.map(({ type }) => staticTensor(type))
  return { op, style, operation, inputs, outputs, length }
}

function namedOrLiteral(
  builder: ChainBuilder,
  operation: Operation,
  { key, value }: ArgumentEntry,
  name: string,
): ChainInput | undefined {
  const [first, second] = value?.arguments ?? []
  ensure(
    first !== undefined && second === undefined,
    'malformed',
    `"${name}": ${operation.type} wants one value as ${key.slice(0, 100)}.`,
    { value: name },
  )
  const { binding } = first
  if (binding.case === 'value') return literal(builder, binding.value, name)
  const source = builder.scopes.get(operation)?.scope.get(binding.value ?? '')
  const chain = source === undefined || source === null ? undefined : chainOf(builder, source)
  if (source === undefined || source === null || chain === undefined) return undefined
  // A named constant is as good as a literal.
  const constant = chain.op === 'const' ? chain.inputs.get('val') : undefined
  return constant ?? { kind: 'chain', chain, output: source.output }
}

function lengthOf(input: ChainInput): number {
  return input.kind === 'chain' ? input.chain.length : 0
}

function literal(builder: ChainBuilder, value: Value, name: string): ChainInput {
  return { kind: 'value', value, array: storedArray(value, builder.files, name) }
}
