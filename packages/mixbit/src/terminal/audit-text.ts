import type { Audit, StoredFacts, WeightFacts } from '@mixbit/core'
import { packageLines } from './package-text.ts'
import { findingLines, hanging } from './summary.ts'
import type { Layout } from './summary.ts'
import { formatTable } from './table.ts'
import { formatBytes, formatCount, formatPercent } from './units.ts'

/**
 * What `audit` shows: components, kinds of weights, findings. Stored graphs do not tell what a
 * weight is for, so their kinds are left out.
 *
 * @param detail - `layers`: list every layer too, by the name that `--layer` takes
 */
export function auditText(audit: Audit, detail: 'components' | 'layers', layout: Layout): string {
  const { paint } = layout
  const head = `${paint('strong', audit.model)}  ${audit.format}, ${formatCount(audit.parameters)} parameters, ${formatBytes(audit.bytes)}`
  const hasRoles = audit.weights.some(({ role }) => role !== 'other')
  const roles = hasRoles ? [roleLines(audit, layout)] : []
  const layers = detail === 'layers' ? [layerLines(audit, layout)] : []
  const reasons = floatLines(audit, layout)
  const sections = [
    [head],
    ...(audit.package === undefined ? [] : [packageLines(audit.package, detail, layout)]),
    componentLines(audit, layout),
    ...operatorLines(audit, layout),
    ...roles,
    ...(reasons.length > 0 ? [reasons] : []),
    ...storedLines(audit, layout),
    ...layers,
  ]
  const findings = findingLines(audit.findings, layout)
  return [...sections, ...(findings.length > 0 ? [findings] : [])]
    .map((lines) => lines.join('\n'))
    .join('\n\n')
}

/** Operators that are named; the rest is counted. */
const NAMED_OPERATORS = 8

/** The operators of each graph, the most frequent first, and how much they hand on in 8 bits. */
function operatorLines(audit: Audit, { width }: Layout): readonly (readonly string[])[] {
  const lines = Object.entries(audit.components).flatMap(([name, facts]) => {
    const { operators, int8Activations = 0 } = facts
    const counts = Object.entries(operators ?? {})
    if (counts.length === 0) return []
    const named = counts.slice(0, NAMED_OPERATORS).map(([op, count]) => `${count} ${op}`)
    const more = counts.length - named.length
    const line = `operators of ${name}: ${named.join(', ')}${more > 0 ? ` and ${more} more ${more === 1 ? 'kind' : 'kinds'}` : ''}`
    if (int8Activations === 0) return [line]
    return [line, `activations of ${name} in 8 bits: ${formatCount(int8Activations)}`]
  })
  return lines.length === 0 ? [] : [lines.flatMap((line) => hanging('', 0, line, width))]
}

/** Why weights that are no vectors can only stay float, the largest part first. */
function floatLines(audit: Audit, layout: Layout): readonly string[] {
  const parts = new Map<string, { weights: number; elements: number }>()
  for (const { role, whyFloat, elements } of audit.weights) {
    if (role !== 'other' || whyFloat === undefined) continue
    const part = parts.get(whyFloat) ?? { weights: 0, elements: 0 }
    part.weights += 1
    part.elements += elements
    parts.set(whyFloat, part)
  }
  if (parts.size === 0) return []
  const rows = [...parts]
    .toSorted(([, a], [, b]) => b.elements - a.elements)
    .map(([why, { weights, elements }]) => [why, formatCount(weights), formatCount(elements)])
  return formatTable(
    [
      { title: 'why a weight is left as it is', align: 'left' },
      { title: 'weights', align: 'right' },
      { title: 'values', align: 'right' },
    ],
    rows,
    layout,
  )
}

function componentLines(audit: Audit, layout: Layout): readonly string[] {
  const hasMacs = Object.values(audit.components).some(({ macs }) => macs !== undefined)
  const rows = Object.entries(audit.components).map(([name, facts]) => [
    name,
    formatCount(facts.layers),
    formatCount(facts.parameters),
    formatPercent(facts.parameters / Math.max(1, audit.parameters), 1),
    formatBytes(facts.bytes),
    ...(hasMacs ? [macsText(facts.macs ?? null)] : []),
  ])
  return formatTable(
    [
      { title: 'component', align: 'left' },
      { title: 'weights', align: 'right' },
      { title: 'parameters', align: 'right' },
      { title: 'share', align: 'right' },
      { title: 'stored', align: 'right' },
      ...(hasMacs ? [{ title: 'MMACs', align: 'right' } as const] : []),
    ],
    rows,
    layout,
  )
}

/** Millions of multiply-accumulates. */
function macsText(macs: number | null): string {
  return macs === null ? 'depends on sizes' : (macs / 1e6).toPrecision(3)
}

function roleLines(audit: Audit, layout: Layout): readonly string[] {
  const roles = [...new Set(audit.weights.map((weight) => weight.role))]
  const rows = roles.map((role) => {
    const own = audit.weights.filter((weight) => weight.role === role)
    const elements = own.reduce((sum, weight) => sum + weight.elements, 0)
    return [
      role,
      formatCount(own.length),
      formatCount(elements),
      formatPercent(elements / Math.max(1, audit.parameters), 1),
      fate(role, own),
    ]
  })
  return formatTable(
    [
      { title: 'kind of weight', align: 'left' },
      { title: 'weights', align: 'right' },
      { title: 'parameters', align: 'right' },
      { title: 'share', align: 'right', isSpare: true },
      { title: '', align: 'left', isWhole: true },
    ],
    rows,
    layout,
  )
}

/** What may become of the weights of one kind. */
function fate(role: WeightFacts['role'], weights: readonly WeightFacts[]): string {
  const compressed = weights.filter(({ stored }) => stored?.isCompressed === true).length
  if (compressed === weights.length) return 'compressed already'
  if (compressed > 0) return `${formatCount(compressed)} compressed already`
  if (weights.every(({ outputAxis }) => outputAxis === null)) return 'stays float'
  return role === 'other' ? 'float unless in --layer' : 'can be quantized'
}

/** How the weights of a package lie in it today; told only where that is not all the same. */
function storedLines(audit: Audit, layout: Layout): readonly (readonly string[])[] {
  const groups = new Map<string, { facts: StoredFacts; weights: number; bytes: number }>()
  for (const { stored, bytes } of audit.weights) {
    if (stored === undefined) continue
    const key = [stored.precision, ...stored.ops].join()
    const group = groups.get(key) ?? { facts: stored, weights: 0, bytes: 0 }
    groups.set(key, { ...group, weights: group.weights + 1, bytes: group.bytes + bytes })
  }
  if (groups.size < 2) return []
  const rows = [...groups.values()]
    .toSorted((a, b) => b.bytes - a.bytes)
    .map(({ facts, weights, bytes }) => [
      facts.precision,
      facts.ops.join(' + ').replaceAll('constexpr_', ''),
      formatCount(weights),
      formatBytes(bytes),
    ])
  return [
    formatTable(
      [
        { title: 'stored today', align: 'left', isWhole: true },
        { title: 'as', align: 'left' },
        { title: 'weights', align: 'right' },
        { title: 'size', align: 'right' },
      ],
      rows,
      layout,
    ),
  ]
}

/**
 * Names are whole, however long: they are copied into `--layer`. Of packages also how each weight is
 * stored, and the operators that read it.
 */
function layerLines(audit: Audit, layout: Layout): readonly string[] {
  const isPackage = audit.package !== undefined
  const hasFunctions = (audit.package?.functions.length ?? 0) > 1
  return formatTable(
    [
      { title: 'layer', align: 'left' },
      { title: 'kind', align: 'left' },
      { title: 'shape', align: 'left' },
      ...(isPackage ? [{ title: 'stored', align: 'left' } as const] : []),
      { title: isPackage ? 'size' : 'stored', align: 'right' },
      ...(isPackage ? [{ title: 'read by', align: 'left' } as const] : []),
    ],
    audit.weights.map(({ layer, role, shape, bytes, stored }) => [
      layer,
      role,
      shape.join(' x '),
      ...(isPackage ? [stored?.precision ?? ''] : []),
      formatBytes(bytes),
      ...(isPackage ? [readersText(stored, hasFunctions)] : []),
    ]),
    { ...layout, tables: 'whole' },
  )
}

/** `conv "edges"`, and the function where there are several. */
function readersText(stored: StoredFacts | undefined, hasFunctions: boolean): string {
  return (stored?.uses ?? [])
    .map(({ function: name, op, output }) => {
      const place = `${op} "${output}"`
      return hasFunctions ? `${place} of ${name}` : place
    })
    .join(', ')
}
