import type { Audit } from '../audit/audit-types.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import type { PlanRequest } from '../plan/draft.ts'

/**
 * What a resolved configuration asks of planning. Components that only the preset names may be
 * missing in the model.
 */
export function planRequest(
  config: ResolvedConfig,
  audit: Pick<Audit, 'model' | 'components'>,
  statistics: string | null,
): PlanRequest {
  const { target, preset, precision, layers, protect, algorithm, seed } = config
  return {
    model: audit.model,
    target,
    preset,
    precision,
    components: knownComponents(config, audit),
    layers,
    protect,
    algorithm,
    statistics,
    seed,
    floats: 'half',
    opsetLimit: null,
  }
}

function knownComponents(
  { components, origins }: ResolvedConfig,
  audit: Pick<Audit, 'components'>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(components).filter(
      ([name]) =>
        origins[`components.${name}`] !== 'preset' || Object.hasOwn(audit.components, name),
    ),
  )
}
