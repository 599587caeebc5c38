import type { Plan } from '@mixbit/core'
import { planText } from './plan-text.ts'
import type { PlanDetail } from './plan-text.ts'
import type { Layout } from './summary.ts'
import { formatBytes, formatPercent } from './units.ts'

/** What `quantize` of an ONNX file made. */
export type WrittenFile = {
  readonly plan: Plan
  readonly before: number
  readonly after: number
  readonly seconds: number
}

/** Where the file is, what it takes, and how its weights are stored. */
export function writtenOnnxText(
  path: string,
  written: WrittenFile,
  detail: PlanDetail,
  layout: Layout,
): string {
  const { plan, before, after, seconds } = written
  const head =
    `${layout.paint('strong', path)}  ${formatBytes(before)} to ${formatBytes(after)} ` +
    `(${formatPercent(after / Math.max(1, before), 1)}) in ${seconds.toFixed(1)} s`
  return `${head}\n\n${planText(plan, detail, layout)}`
}
