import type { Audit } from '../audit/audit-types.ts'
import type { Host } from '../base/host.ts'
import { readJson } from '../base/json-file.ts'
import { fitPlan } from '../plan/fit-plan.ts'
import type { Plan } from '../plan/plan-types.ts'
import { readPlan } from '../plan/read-plan.ts'

/** The opset beyond which the graph of a component cannot go; null where it can have any. */
export type OpsetLimits = Readonly<Record<string, number | null>>

/** The components that have a limit, with it. */
export function knownLimits(limits: OpsetLimits): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(limits).flatMap(([name, limit]) =>
      limit === null ? [] : [[name, limit] as const],
    ),
  )
}

/** Puts the plan of a file on the weights that the audit found. */
export async function planFromFile(
  host: Pick<Host, 'open'>,
  audit: Pick<Audit, 'weights'>,
  planFile: string,
  limits: OpsetLimits,
): Promise<Plan> {
  const plan = readPlan(await readJson(host, planFile, 'invalid-plan'), planFile)
  return fitPlan(plan, audit.weights, planFile, knownLimits(limits))
}
