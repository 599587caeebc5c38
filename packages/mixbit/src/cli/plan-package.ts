import {
  auditCoremlPackage,
  countKeptOfPlan,
  forecastPlan,
  planCoremlPackage,
  readCoremlPackage,
  writeJson,
} from '@mixbit/core'
import type { Host, Plan } from '@mixbit/core'
import type { CommandSettings } from './settings.ts'

/** `plan` of a Core ML package. */
export async function planPackage(
  host: Host,
  settings: CommandSettings,
  output: string | undefined,
): Promise<Plan> {
  const model = await readCoremlPackage(host, settings.model)
  try {
    const audit = await auditCoremlPackage(host, model, settings.computeUnit)
    const bounded = planCoremlPackage(model, audit, settings)
    const counted = await countKeptOfPlan(host, model, audit, bounded)
    const plan = await forecastPlan(host, model, audit, counted)
    if (output !== undefined) await writeJson(host, output, plan)
    return plan
  } finally {
    await model.close()
  }
}
