import type { Finding } from '../base/finding.ts'
import type { PackageInterface } from '../formats/coreml/package-interface.ts'
import type { Audit, ComponentFacts, WeightFacts } from './audit-types.ts'

/** What an audit is made of. */
export type AuditParts = {
  readonly format: string
  readonly model: string
  readonly bytes: number
  readonly weights: readonly WeightFacts[]
  readonly findings: readonly Finding[]
  readonly package?: PackageInterface
  /** What the graph of each component computes. */
  readonly graphs?: Readonly<
    Record<string, Pick<ComponentFacts, 'operators' | 'macs' | 'int8Activations'>>
  >
}

/** Sums weights up by component and adds what their scans found. */
export function auditOf(parts: AuditParts): Audit {
  return {
    schema: 'mixbit/audit@1',
    format: parts.format,
    model: parts.model,
    bytes: parts.bytes,
    parameters: sum(parts.weights, (weight) => weight.elements),
    components: byComponent(parts),
    ...(parts.package !== undefined && { package: parts.package }),
    weights: parts.weights,
    findings: [...parts.findings, ...parts.weights.flatMap(weightFindings)],
  }
}

function byComponent({
  weights,
  graphs = {},
}: AuditParts): Readonly<Record<string, ComponentFacts>> {
  const names = new Set([...Object.keys(graphs), ...weights.map((weight) => weight.component)])
  return Object.fromEntries(
    [...names].map((name) => {
      const own = weights.filter((weight) => weight.component === name)
      const parameters = sum(own, (weight) => weight.elements)
      const bytes = sum(own, (weight) => weight.bytes)
      const computed = Object.hasOwn(graphs, name) ? graphs[name] : {}
      return [name, { parameters, bytes, layers: own.length, ...computed }] as const
    }),
  )
}

function weightFindings(weight: WeightFacts): readonly Finding[] {
  const { scan, layer } = weight
  // What is only carried may hold what it likes: masks are infinite, tables of angles large.
  if (scan === null || weight.whyFloat !== undefined) return []
  const findings: Finding[] = []
  if (scan.notFinite > 0) {
    findings.push({
      code: 'not-finite',
      severity: 'warning',
      subject: layer,
      message: `"${layer}" holds ${scan.notFinite} values that are NaN or infinite; it cannot be quantized. Export or download the model again.`,
    })
  }
  if (scan.zeros === weight.elements && weight.role !== 'vector') {
    findings.push({
      code: 'all-zero',
      severity: 'warning',
      subject: layer,
      message: `"${layer}" holds only zeros; was the model saved before training?`,
    })
  }
  if (Math.max(Math.abs(scan.min), Math.abs(scan.max)) > LARGEST_HALF) {
    findings.push({
      code: 'beyond-fp16',
      severity: 'info',
      subject: layer,
      message: `"${layer}" has values beyond fp16's 65504; where it stays float it is kept in fp32.`,
    })
  }
  return findings
}

/** The largest finite fp16. */
const LARGEST_HALF = 65504

function sum(weights: readonly WeightFacts[], of: (weight: WeightFacts) => number): number {
  return weights.reduce((total, weight) => total + of(weight), 0)
}
