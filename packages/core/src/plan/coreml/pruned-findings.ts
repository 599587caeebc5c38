import type { WeightFacts } from '../../audit/audit-types.ts'
import type { Finding } from '../../base/finding.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { Scheme } from '../../scheme/scheme.ts'
import type { LayerPlan } from '../plan-types.ts'

/** What keeps fewer of its values is hardly a weight any more. */
const SMALL_SHARE = 0.05

/**
 * Weights of which a threshold leaves next to nothing: a magnitude is asked for in the unit of the
 * values, which is easily mistaken. What a fraction leaves was asked for.
 *
 * @param kept - how many values are kept, where that was counted; without it, only what loses all of
 *   them is known
 */
export function prunedFindings(
  layers: readonly Pick<LayerPlan, 'layer' | 'scheme'>[],
  facts: ReadonlyMap<string, WeightFacts>,
  kept: ReadonlyMap<string, number> = new Map(),
): readonly Finding[] {
  const pruned = layers.flatMap(({ layer, scheme }) => {
    const weight = facts.get(layer)
    if (weight === undefined) return []
    const values = kept.get(layer) ?? (losesAll(weight, scheme) ? 0 : weight.elements)
    return isTooFew(weight, scheme, values) ? [{ weight, scheme, values }] : []
  })
  const [first] = pruned
  if (first === undefined) return []
  const { weight, scheme, values } = first
  return [
    {
      code: 'mostly-zero',
      severity: 'warning',
      message:
        `A threshold leaves fewer than ${SMALL_SHARE * 100} % of the values of ` +
        `${pruned.length === 1 ? 'one weight' : `${pruned.length} weights`}, the first "${weight.layer}": ` +
        `${precisionName(scheme)} keeps ${values} of ${weight.elements}, and its largest magnitude is ` +
        `${largestOf(weight).toPrecision(3)}. Take a smaller threshold, or a fraction of zeros such as sparse50.`,
    },
  ]
}

function isTooFew({ elements, scan }: WeightFacts, scheme: Scheme, values: number): boolean {
  if (scheme.kind !== 'sparse' || scheme.pattern.kind !== 'threshold') return false
  // Zeros that were there are no loss.
  const before = elements - (scan?.zeros ?? 0)
  return values < before && values < elements * SMALL_SHARE
}

function losesAll(weight: WeightFacts, scheme: Scheme): boolean {
  if (scheme.kind !== 'sparse' || scheme.pattern.kind !== 'threshold') return false
  return weight.scan !== null && largestOf(weight) <= scheme.pattern.magnitude
}

function largestOf({ scan }: WeightFacts): number {
  return scan === null ? 0 : Math.max(Math.abs(scan.min), Math.abs(scan.max))
}
