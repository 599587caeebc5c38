import type { Gate, Report, ReportEvaluation, ReportLayer, ComponentSize } from './report-types.ts'
import type { Finding } from '../base/finding.ts'
import type { WeightFacts } from '../audit/audit-types.ts'
import type { QuantizedLayer } from '../quantize/quantize.ts'
import { precisionName } from '../scheme/precision.ts'

/** What the report is made of, as the steps returned it. */
export type ReportParts = {
  readonly title: string
  readonly beforeBytes: number
  readonly afterBytes: number
  readonly weights: readonly WeightFacts[]
  readonly layers: readonly QuantizedLayer[]
  /** Bytes of graph structure in the written files. */
  readonly graphBytes: number
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

function componentSizes(parts: ReportParts): readonly ComponentSize[] {
  const names = [...new Set(parts.layers.map(({ plan }) => plan.component))]
  const sizes = names.map((component): ComponentSize => {
    const own = parts.layers.filter(({ plan }) => plan.component === component)
    const facts = parts.weights.filter((weight) => weight.component === component)
    return {
      component,
      precision: mainPrecision(own),
      parameters: facts.reduce((sum, weight) => sum + weight.elements, 0),
      before: facts.reduce((sum, weight) => sum + weight.bytes, 0),
      after: own.reduce((sum, { plan }) => sum + layerBytes(plan.bytes), 0),
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

/** The precision that most values of a component have. */
function mainPrecision(layers: readonly QuantizedLayer[]): string {
  const elements = new Map<string, number>()
  for (const { plan, totals } of layers) {
    const name = precisionName(plan.scheme)
    elements.set(name, (elements.get(name) ?? 0) + totals.elements)
  }
  const [most] = [...elements].toSorted((a, b) => b[1] - a[1])
  return most?.[0] ?? ''
}

function layerBytes(bytes: QuantizedLayer['plan']['bytes']): number {
  return bytes.codes + bytes.scales + bytes.zeroPoints
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
    after: layerBytes(plan.bytes),
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
