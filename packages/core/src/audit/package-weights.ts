import type { CoremlDocument, CoremlWeight } from '../formats/coreml/document.ts'
import type { ProgramWalk } from '../formats/coreml/program.ts'
import type { Weight } from '../tensor/weight.ts'
import { elementsOf } from '../tensor/weight.ts'
import type { StoredFacts, WeightFacts } from './audit-types.ts'
import { packagePlaces } from './package-flow.ts'

/** Facts of every float weight of a Core ML package, in program order. */
export function packageWeights(
  document: CoremlDocument,
  walk: ProgramWalk,
  component: string,
): readonly WeightFacts[] {
  const places = packagePlaces(document, walk)
  return [...document.weights.values()].map((weight): WeightFacts => {
    const { name, role, shape, whyFloat, outputAxis, inputAxis } = weight
    const isLeft = whyFloat !== null
    const stored = storedFacts(weight)
    return {
      layer: `${component}.${name}`,
      component,
      role,
      dtype:
        stored.precision === 'fp16' ? 'float16' : stored.isCompressed ? weight.dtype : 'float32',
      shape,
      elements: elementsOf(shape),
      bytes: weight.stored.bytes,
      outputAxis: isLeft ? null : outputAxis,
      inputAxis: isLeft ? null : inputAxis,
      position: role === 'tied-embedding' ? 'inner' : (places.get(name) ?? 'inner'),
      ...(isLeft && role !== 'vector' && { whyFloat }),
      stored,
      scan: null,
    }
  })
}

/** The weights themselves, by layer name; those without values have nothing to look at. */
export function packageSources(
  { weights }: CoremlDocument,
  component: string,
): ReadonlyMap<string, Weight> {
  const own = [...weights].filter(([, { shape }]) => elementsOf(shape) > 0)
  return new Map(own.map(([name, { weight }]) => [`${component}.${name}`, weight]))
}

/**
 * Masks hold infinities and are never multiplied by: with their values known, they stay as they are
 * instead of stopping the plan.
 */
export function withoutMasks(facts: WeightFacts): WeightFacts {
  const { role, scan, whyFloat, outputAxis } = facts
  if (role !== 'other' || outputAxis === null || whyFloat !== undefined) return facts
  if (scan === null || scan.notFinite === 0) return facts
  return {
    ...facts,
    outputAxis: null,
    inputAxis: null,
    whyFloat: 'it holds infinities or NaN, as masks do',
  }
}

function storedFacts({ stored, dtype, uses, disagreement }: CoremlWeight): StoredFacts {
  const { ops, precision, hasSignedCodes } = stored
  return {
    precision,
    ops,
    hasSignedCodes,
    computes: dtype,
    isCompressed: ops.some((op) => op !== 'const' && op !== 'constexpr_cast'),
    usedBy: [...new Set(uses.map(({ op }) => op))],
    uses,
    ...(disagreement !== null && { disagreement }),
  }
}
