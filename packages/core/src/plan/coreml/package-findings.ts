import type { WeightFacts } from '../../audit/audit-types.ts'
import type { Finding } from '../../base/finding.ts'
import { systemOfSpec } from '../../targets/coreml-systems.ts'
import { COREML_SPECS } from '../../targets/coreml-versions.ts'
import { storedFindings } from '../../targets/coreml-findings.ts'
import type { CoremlRequest, PlanRequest } from '../draft.ts'
import type { LayerPlan } from '../plan-types.ts'
import { isUntouched } from './planned-weights.ts'
import { prunedFindings } from './pruned-findings.ts'
import { computesIn } from './weight-form.ts'

/** What devices make of a plan, and what it leaves as it is. */
export function packageFindings(
  layers: readonly LayerPlan[],
  { coreml }: Pick<PlanRequest, 'coreml'>,
  weights: readonly WeightFacts[],
): readonly Finding[] {
  const facts = new Map(weights.map((weight) => [weight.layer, weight]))
  const stored = layers.map(({ layer, scheme }) => {
    const weight = facts.get(layer)
    return { layer, scheme, computes: weight && computesIn(weight) }
  })
  return [
    ...(coreml === undefined ? [] : olderTarget(coreml)),
    ...keptFindings(layers),
    ...nothingChanged(layers, facts),
    ...prunedFindings(layers, facts),
    ...storedFindings(stored, coreml?.unit ?? null),
  ]
}

/** A package that comes out as it went in. */
function nothingChanged(
  layers: readonly LayerPlan[],
  facts: ReadonlyMap<string, WeightFacts>,
): readonly Finding[] {
  const isChanged = layers.some(({ layer, scheme, kept }) => {
    const weight = facts.get(layer)
    return weight !== undefined && !isUntouched({ facts: weight, scheme, kept })
  })
  if (isChanged) return []
  return [
    {
      code: 'nothing-changed',
      severity: 'warning',
      message:
        'No weight is stored otherwise than it is already: the package stays as it is. ' +
        'The plan gives the reason of each weight.',
    },
  ]
}

/** A package cannot become older than what it already needs. */
function olderTarget({ target, specs }: CoremlRequest): readonly Finding[] {
  if (target === null || specs.lowest <= COREML_SPECS[target]) return []
  return [
    {
      code: 'older-target',
      severity: 'warning',
      message:
        `The package needs ${systemOfSpec(specs.lowest)} already (specification version ${specs.lowest}), so what ` +
        `is written will not load on an older system, whatever --target says. For ${target}, convert the ` +
        'model again with that minimum_deployment_target.',
    },
  ]
}

function keptFindings(layers: readonly LayerPlan[]): readonly Finding[] {
  const kept = layers.filter((layer) => layer.kept === true)
  const [first] = kept
  if (first === undefined) return []
  return [
    {
      code: 'already-compressed',
      severity: 'info',
      message:
        `${kept.length} of ${layers.length} weights are compressed already and stay as they are, the first ` +
        `"${first.layer}". --layer stores them otherwise, from their decoded values; storing the ` +
        'uncompressed package is more precise.',
    },
  ]
}
