import type { ResolvedConfig } from '../config/merge-config.ts'
import type { PlanRequest } from '../plan/draft.ts'

/** What a resolved configuration asks of planning. */
export function planRequest(
  config: ResolvedConfig,
  model: string,
  statistics: string | null,
): PlanRequest {
  const { target, preset, precision, components, layers, protect, algorithm, seed } = config
  return {
    model,
    target,
    preset,
    precision,
    components,
    layers,
    protect,
    algorithm,
    statistics,
    seed,
    floats: 'half',
    opsetLimit: null,
  }
}
