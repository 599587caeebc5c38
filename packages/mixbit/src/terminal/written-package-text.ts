import type { Plan, QuantizedPackage } from '@mixbit/core'
import { planDetails } from './plan-text.ts'
import type { PlanDetail } from './plan-text.ts'
import type { Layout } from './summary.ts'
import { formatBytes, formatPercent } from './units.ts'

/** What `quantize` of a Core ML package made. */
export type WrittenPackageFacts = {
  readonly plan: Plan
  readonly written: QuantizedPackage
  /** Bytes of the package before. */
  readonly before: number
  readonly seconds: number
}

/** Where the package is, what it takes, how its weights are stored and what that cost the worst of them. */
export function writtenPackageText(
  path: string,
  { plan, written, before, seconds }: WrittenPackageFacts,
  detail: PlanDetail,
  layout: Layout,
): string {
  const { bytes, layers } = written
  const head =
    `${layout.paint('strong', path)}  ${formatBytes(before)} to ${formatBytes(bytes)} ` +
    `(${formatPercent(bytes / Math.max(1, before), 1)}) for ${plan.target} in ${seconds.toFixed(1)} s`
  const measured = new Map(
    layers.map(({ plan: { layer }, bytes: own, totals }) => [
      layer,
      { bytes: own, sqnrDb: totals.sqnrDb },
    ]),
  )
  const findings = [...plan.findings, ...written.findings]
  return `${head}\n\n${planDetails({ ...plan, findings }, detail, layout, measured)}`
}
