import type { Gate, Report, ReportEvaluation, ReportLayer, ComponentSize } from './report-types.ts'
import type { Finding } from '../base/finding.ts'
import type { WeightFacts } from '../audit/audit-types.ts'
import type { QuantizedLayer } from '../quantize/quantize.ts'
import { storedBytes } from '../formats/part-bytes.ts'
import type { LayerPlan } from '../plan/plan-types.ts'
import { mainPrecision } from '../scheme/main-precision.ts'
import { precisionName } from '../scheme/precision.ts'

/** What the report is made of, as the steps returned it. */
export type ReportParts = {
  readonly title: string
  readonly beforeBytes: number
  readonly afterBytes: number
  readonly weights: readonly WeightFacts[]
  readonly layers: readonly QuantizedLayer[]
  /** Layers that were stored a second time. */
  readonly copies: readonly LayerPlan[]
  readonly gates: readonly Gate[]
  readonly evaluations: readonly ReportEvaluation[]
  readonly findings: readonly Finding[]
  readonly files: Report['files']
  readonly steps: Report['steps']
  readonly provenance: Report['provenance']
  readonly config: Report['config']
}

/** Puts the results of all steps into the shape that the page and other programs read. */
export function buildReport(parts: ReportParts): Report {
  const [first] = parts.evaluations
  const { title, gates, evaluations, findings, files, steps, provenance, config } = parts
  return {
    schema: 'mixbit/report@1',
    title,
    passed: gates.every((gate) => gate.status === 'passed'),
    before: { bytes: parts.beforeBytes, value: first?.before.value ?? null },
    after: { bytes: parts.afterBytes, value: first?.after.value ?? null },
    gates,
    components: componentSizes(parts),
    layers: parts.layers.map((layer) => reportLayer(layer, parts.weights)),
    evaluations,
    findings,
    files,
    steps,
    provenance,
    config,
  }
}

/** Sizes by component; with `graph`, what is no weight, they add up to the files. */
function componentSizes(parts: ReportParts): readonly ComponentSize[] {
  const names = [...new Set(parts.layers.map(({ plan }) => plan.component))]
  const sizes = names.map((component): ComponentSize => {
    const own = parts.layers.map(({ plan }) => plan).filter((plan) => plan.component === component)
    const copies = parts.copies.filter((plan) => plan.component === component)
    const facts = parts.weights.filter((weight) => weight.component === component)
    return {
      component,
      precision: mainPrecision(own),
      parameters: facts.reduce((sum, weight) => sum + weight.elements, 0),
      before: facts.reduce((sum, weight) => sum + weight.bytes, 0),
      after: storedBytes([...own, ...copies]),
    }
  })
  const stored = sizes.reduce((sum, size) => sum + size.after, 0)
  const inInput = sizes.reduce((sum, size) => sum + size.before, 0)
  return [
    ...sizes,
    {
      // Graph structure, names and alignment: what is no weight.
      component: 'graph',
      precision: '',
      parameters: 0,
      before: Math.max(0, parts.beforeBytes - inInput),
      after: parts.afterBytes - stored,
    },
  ]
}

function reportLayer(
  { plan, totals }: QuantizedLayer,
  weights: readonly WeightFacts[],
): ReportLayer {
  const facts = weights.find((weight) => weight.layer === plan.layer)
  const scan = facts?.scan ?? null
  return {
    layer: plan.layer,
    component: plan.component,
    role: plan.role,
    shape: plan.shape,
    precision: precisionName(plan.scheme),
    form: plan.form,
    algorithm: plan.scheme.kind === 'affine' ? plan.algorithm : '',
    before: facts?.bytes ?? 0,
    after: storedBytes([plan]),
    sqnrDb: totals.sqnrDb,
    mse: totals.mse,
    maxAbsError: totals.maxAbsError,
    reasons: plan.reasons,
    histogram:
      scan === null || totals.histogram.length === 0
        ? null
        : { min: scan.min, max: scan.max, counts: totals.histogram },
  }
}
