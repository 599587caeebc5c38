import type { WrittenModel } from '@mixbit/core'
import type { Layout } from './summary.ts'
import { formatTable } from './table.ts'
import { formatBytes, formatCount } from './units.ts'

/** What `quantize` ends with: where the package is and what its components take. */
export function writtenText(
  path: string,
  written: WrittenModel,
  seconds: number,
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
  return [head, '', ...table].join('\n')
}
