import { auditCoremlPackage, planCoremlPackage, readCoremlPackage, writeJson } from '@mixbit/core'
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
    const plan = planCoremlPackage(model, audit, settings)
    if (output !== undefined) await writeJson(host, output, plan)
    return plan
  } finally {
    await model.close()
  }
}
