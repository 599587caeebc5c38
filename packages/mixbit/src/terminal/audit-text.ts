import type { Audit } from '@mixbit/core'
import { warningLines } from './summary.ts'
import type { Layout } from './summary.ts'
import { formatTable } from './table.ts'
import { formatBytes, formatCount, formatPercent } from './units.ts'

/** What `audit` shows: components, kinds of weights, findings. */
export function auditText(audit: Audit, layout: Layout): string {
  const { paint } = layout
  const head = `${paint('strong', audit.model)}  ${audit.format}, ${formatCount(audit.parameters)} parameters, ${formatBytes(audit.bytes)}`
  const sections = [[head], componentLines(audit, layout), roleLines(audit, layout)]
  const warnings = warningLines(audit.findings, layout)
  return [...sections, ...(warnings.length > 0 ? [warnings] : [])]
    .map((lines) => lines.join('\n'))
    .join('\n\n')
}

function componentLines(audit: Audit, layout: Layout): readonly string[] {
  const rows = Object.entries(audit.components).map(([name, facts]) => [
    name,
    formatCount(facts.layers),
    formatCount(facts.parameters),
    formatPercent(facts.parameters / Math.max(1, audit.parameters), 1),
    formatBytes(facts.bytes),
  ])
  return formatTable(
    [
      { title: 'component', align: 'left' },
      { title: 'weights', align: 'right' },
      { title: 'parameters', align: 'right' },
      { title: 'share', align: 'right' },
      { title: 'stored', align: 'right' },
    ],
    rows,
    layout,
  )
}

function roleLines(audit: Audit, layout: Layout): readonly string[] {
  const roles = [...new Set(audit.weights.map((weight) => weight.role))]
  const rows = roles.map((role) => {
    const own = audit.weights.filter((weight) => weight.role === role)
    const elements = own.reduce((sum, weight) => sum + weight.elements, 0)
    const isFloat = role === 'vector' || role === 'other'
    return [
      role,
      formatCount(own.length),
      formatCount(elements),
      formatPercent(elements / Math.max(1, audit.parameters), 1),
      isFloat ? 'stays float' : 'can be quantized',
    ]
  })
  return formatTable(
    [
      { title: 'kind of weight', align: 'left' },
      { title: 'weights', align: 'right' },
      { title: 'parameters', align: 'right' },
      { title: 'share', align: 'right' },
      { title: '', align: 'left' },
    ],
    rows,
    layout,
  )
}
