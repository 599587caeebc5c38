import type { JSX } from 'preact'
import type { ComponentSize, Report } from '../../../core/src/report/report-types.ts'
import { Bar } from '../charts/bar.tsx'
import { formatBytes, formatChange, formatCount } from '../format.ts'
import { LongName } from '../parts/long-name.tsx'

/** Bytes of each component, before and after, as pairs of bars on one scale. */
export function SizeTable({ report }: { readonly report: Report }): JSX.Element {
  const { components } = report
  const longest = Math.max(1, ...components.flatMap((part) => [part.before, part.after]))
  return (
    <table class="sizes">
      <caption>
        Size per component
        <span class="legend">
          <span class="key before" /> before <span class="key after" /> after
        </span>
      </caption>
      <SizeHead />
      <tbody>
        {components.map((part) => (
          <SizeRow key={part.component} part={part} longest={longest} />
        ))}
      </tbody>
      <TotalRow report={report} />
    </table>
  )
}

function SizeHead(): JSX.Element {
  return (
    <thead>
      <tr>
        <th scope="col">Component</th>
        <th scope="col">Precision</th>
        <th scope="col" class="number wide">
          Parameters
        </th>
        <th scope="col" class="chart">
          <span>Bytes on disk</span>
        </th>
        <th scope="col" class="number">
          Size
        </th>
        <th scope="col" class="number">
          Change
        </th>
      </tr>
    </thead>
  )
}

type SizeRowProps = { readonly part: ComponentSize; readonly longest: number }

function SizeRow({ part, longest }: SizeRowProps): JSX.Element {
  return (
    <tr>
      <th scope="row">
        <LongName name={part.component} />
      </th>
      <td>
        <code class="precision">{part.precision}</code>
      </td>
      <td class="number wide">{formatCount(part.parameters)}</td>
      <td class="chart">
        <Bar kind="before" share={part.before / longest} />
        <Bar kind="after" share={part.after / longest} />
      </td>
      <td class="pair">
        <span class="was">{formatBytes(part.before)}</span>
        <strong>{formatBytes(part.after)}</strong>
      </td>
      <td class="number">{formatChange(part.before, part.after)}</td>
    </tr>
  )
}

function TotalRow({ report }: { readonly report: Report }): JSX.Element {
  const { components, before, after } = report
  return (
    <tfoot>
      <tr>
        <th scope="row">All model files</th>
        <td />
        <td class="number wide">
          {formatCount(components.reduce((sum, part) => sum + part.parameters, 0))}
        </td>
        <td class="chart" />
        <td class="pair">
          <span class="was">{formatBytes(before.bytes)}</span>
          <strong>{formatBytes(after.bytes)}</strong>
        </td>
        <td class="number">{formatChange(before.bytes, after.bytes)}</td>
      </tr>
    </tfoot>
  )
}
