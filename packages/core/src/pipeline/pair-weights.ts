import type { ComparedStorage } from '../compare/compare.ts'
import type { WeightPair } from '../compare/compare-weights.ts'
import type { CoremlDocument, CoremlUse, CoremlWeight } from '../formats/coreml/document.ts'

export type PairedWeights = {
  /** Under the names of the reference. */
  readonly pairs: readonly WeightPair[]
  /** Layers that only one of the two has. */
  readonly alone: readonly string[]
}

type Weights = CoremlDocument['weights']

/** What coremltools puts behind the names of weights that it compresses, once or more. */
const RENAMED = /(?:_(?:palettized|quantized|sparsified))+$/u

/**
 * Which weights of two packages of one model belong together: those of one name, and what is left by
 * who reads it. Other tools rename what they compress, but keep the names of most operator outputs;
 * where they do not, the name that is left without their endings decides.
 */
export function pairWeights(
  reference: Weights,
  candidate: Weights,
  component: string,
): PairedWeights {
  const readers = new Map<string, CoremlWeight>()
  for (const weight of candidate.values()) {
    for (const use of weight.uses) readers.set(placeOf(use), weight)
  }
  const known = [...reference.values()].map((weight) => ({
    weight,
    other: candidate.get(weight.name) ?? readBy(weight, readers),
  }))
  const used = new Set(known.map(({ other }) => other))
  const left = [...candidate.values()].filter((weight) => !used.has(weight))
  const bare = new Map(left.map((weight) => [weight.name.replace(RENAMED, ''), weight]))
  const found = known.map(({ weight, other }) => ({
    weight,
    other: other ?? bare.get(weight.name.replace(RENAMED, '')),
  }))
  const taken = new Set(found.map(({ other }) => other?.name))
  return {
    pairs: found.flatMap(({ weight, other }) =>
      other === undefined ? [] : [pairOf(weight, other, component)],
    ),
    alone: [
      ...found.flatMap(({ weight, other }) => (other === undefined ? [weight.name] : [])),
      ...[...candidate.keys()].filter((name) => !taken.has(name)),
    ].map((name) => `${component}.${name}`),
  }
}

function pairOf(reference: CoremlWeight, candidate: CoremlWeight, component: string): WeightPair {
  return {
    name: reference.name,
    layer: `${component}.${reference.name}`,
    reference: reference.weight,
    candidate: candidate.weight,
    stored: { reference: storageOf(reference), candidate: storageOf(candidate) },
  }
}

function storageOf({ stored }: CoremlWeight): ComparedStorage {
  const { precision, ops, hasSignedCodes, bytes } = stored
  return { precision, form: ops.join(' + '), hasSignedCodes, bytes }
}

/** The weight that one of the same operators reads at the same place. */
function readBy(
  { uses }: CoremlWeight,
  readers: ReadonlyMap<string, CoremlWeight>,
): CoremlWeight | undefined {
  for (const use of uses) {
    const found = readers.get(placeOf(use))
    if (found !== undefined) return found
  }
  return undefined
}

function placeOf({ function: name, output, input }: CoremlUse): string {
  return JSON.stringify([name, output, input])
}
