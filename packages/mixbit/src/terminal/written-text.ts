import type { Finding, WrittenModel } from '@mixbit/core'
import { hanging, findingLines } from './summary.ts'
import type { Layout } from './summary.ts'
import { formatTable } from './table.ts'
import { formatBytes, formatCount } from './units.ts'

/** What `quantize` made. */
export type Written = {
  readonly written: Pick<WrittenModel, 'bytes' | 'manifest'>
  readonly findings: readonly Finding[]
  readonly seconds: number
}

/** What `quantize` ends with: where the package is, what its components take, and what to do next. */
export function writtenText(
  path: string,
  { written, findings, seconds }: Written,
  layout: Layout,
): string {
  const rows = Object.entries(written.manifest.components).map(([name, component]) => [
    name,
    component.precision,
    formatCount(component.parameters),
    formatBytes(component.bytes),
  ])
  const table = formatTable(
    [
      { title: 'component', align: 'left' },
      { title: 'precision', align: 'left' },
      { title: 'parameters', align: 'right' },
      { title: 'size', align: 'right' },
    ],
    rows,
    layout,
  )
  const head = `${layout.paint('strong', path)}  ${formatBytes(written.bytes)} in ${seconds.toFixed(1)} s`
  const warnings = findingLines(findings, layout)
  const next = `measure it: mixbit evaluate ${path} --data <descriptor>`
  return [
    [head],
    table,
    ...(warnings.length > 0 ? [warnings] : []),
    hanging(`${layout.paint('strong', 'Next:')} `, 'Next: '.length, next, layout.width),
  ]
    .map((lines) => lines.join('\n'))
    .join('\n\n')
}
