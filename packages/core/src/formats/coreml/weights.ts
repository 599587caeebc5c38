import type { BlobFile } from './blob-index.ts'
import { chainBuilder, chainOf, isConstexpr } from './chain.ts'
import { hasCentralZero } from './central-zero.ts'
import type { Chain, ChainBuilder } from './chain.ts'
import { chainTypes } from './chain-types.ts'
import { describeChain } from './describe-chain.ts'
import type { CoremlWeight, WeightSites } from './document.ts'
import { freshNamer } from './fresh-names.ts'
import type { FreshName } from './fresh-names.ts'
import { identityOf } from './identity.ts'
import { isVector, readingOf } from './readings.ts'
import type { Operation } from './generated/coreml_pb.ts'
import type { Definition, ProgramWalk } from './program.ts'
import { readEncoding } from './stored-encoding.ts'
import { isOldStyle } from './restyle.ts'
import { arraysOf, hasSignedCodes, operationsOf, precisionOf, storedBytes } from './stored-facts.ts'
import type { StoredForm } from './stored-form.ts'
import { storedWeight } from './stored-rows.ts'

/** One weight and every place that gives its values. */
type Found = {
  readonly chain: Chain
  readonly form: StoredForm
  readonly definitions: Definition[]
}

export type CollectedWeights = {
  readonly weights: ReadonlyMap<string, CoremlWeight>
  readonly sites: ReadonlyMap<string, WeightSites>
}

/**
 * The float weights of a program, by name and in program order. Values that are made of the same
 * blobs in the same way are one weight. Throws `malformed` for constants whose parts do not fit.
 */
export async function collectWeights(
  walk: ProgramWalk,
  files: ReadonlyMap<string, BlobFile>,
): Promise<CollectedWeights> {
  const numbers = new Map(walk.operations.map(({ operation }, number) => [operation, number]))
  const builder = chainBuilder(walk, files)
  const fresh = freshNamer(new Set())
  const weights = new Map<string, CoremlWeight>()
  const sites = new Map<string, WeightSites>()
  for (const found of findWeights(builder, walk.definitions)) {
    const name = nameOf(fresh, found)
    weights.set(name, await weightOf(name, found, builder))
    const { chain, form, definitions } = found
    const operations = definitions.map(({ operation }) => numbers.get(operation) ?? -1)
    const isOld = definitions.some(({ operation }) => isOldStyle(operation))
    sites.set(name, { chain, form, operations, isOldStyle: isOld })
  }
  return { weights, sites }
}

function findWeights(builder: ChainBuilder, definitions: readonly Definition[]): readonly Found[] {
  const found = new Map<string | Operation, Found>()
  for (const definition of definitions) {
    const chain = chainOf(builder, definition)
    // Masks and kept values are two outputs of one operation; weights have it for themselves.
    const isAlone = definition.operation.outputs.length === 1
    if (chain === undefined || !isAlone || isPart(definition)) continue
    const form = describeChain(chain)
    if (form === undefined || form.shape.length === 0) continue
    const key = identityOf(chain) ?? definition.operation
    const known = found.get(key)
    if (known === undefined) found.set(key, { chain, form, definitions: [definition] })
    else known.definitions.push(definition)
  }
  return [...found.values()]
}

/** Whether a value is only a part of another constant, or what integers stand for. */
function isPart({ readers, isReturned }: Definition): boolean {
  if (isReturned || readers.length === 0) return false
  return readers.every(
    ({ operation: { type }, input }) =>
      isConstexpr(type) || ((type === 'dequantize' || type === 'quantize') && input !== 'input'),
  )
}

/** Writers leave a handful of numbers at most in the program. */
function whyImmediate(chain: Chain): string | null {
  const isInFile = arraysOf(chain).some(({ place }) => place !== null)
  return isInFile ? null : 'its values stand in the program itself, not in a weight file'
}

/** The plain name, then one with the function, then numbered ones. */
function nameOf(fresh: FreshName, { definitions }: Found): string {
  const [first] = definitions
  const plain = first?.name ?? ''
  const qualified = `${first?.function ?? ''}/${plain}`
  const candidates = [plain, qualified]
  return fresh(qualified, (number) => candidates[number] ?? `${qualified}~${number}`)
}

async function weightOf(
  name: string,
  { chain, form, definitions }: Found,
  builder: ChainBuilder,
): Promise<CoremlWeight> {
  const dtype = chainTypes(chain)[0]?.dtype === 'float16' ? 'float16' : 'float32'
  const { shape } = form
  const reading = readingOf(definitions, shape, builder)
  const { role, outputAxis, inputAxis, uses } = reading
  const rows = { start: 0, end: shape[0] ?? 1 }
  const isSymmetric = await hasCentralZero(form)
  return {
    name,
    weight: storedWeight(name, form),
    dtype,
    shape,
    role: isVector(shape) ? 'vector' : role,
    outputAxis,
    inputAxis,
    disagreement: reading.disagreement,
    whyFloat: reading.whyFloat ?? whyImmediate(chain),
    uses,
    stored: {
      ops: operationsOf(chain),
      precision: precisionOf(form, { outputAxis, inputAxis, isSymmetric }),
      bytes: storedBytes(chain),
      hasSignedCodes: hasSignedCodes(chain),
      readEncoding: () => readEncoding(form, rows),
    },
  }
}
