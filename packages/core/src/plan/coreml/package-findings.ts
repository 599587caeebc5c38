import type { Finding } from '../../base/finding.ts'
import { systemOfSpec } from '../../targets/coreml-systems.ts'
import { COREML_SPECS } from '../../targets/coreml-versions.ts'
import { storedFindings } from '../../targets/coreml-findings.ts'
import type { CoremlRequest, PlanRequest } from '../draft.ts'
import type { LayerPlan } from '../plan-types.ts'

/** What devices make of a plan, and what it leaves as it is. */
export function packageFindings(
  layers: readonly LayerPlan[],
  { coreml }: Pick<PlanRequest, 'coreml'>,
): readonly Finding[] {
  return [
    ...(coreml === undefined ? [] : olderTarget(coreml)),
    ...keptFindings(layers),
    ...storedFindings(layers, coreml?.unit ?? null),
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
