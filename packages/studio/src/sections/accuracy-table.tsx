import type { JSX } from 'preact'
import type { Report, ReportEvaluation } from '../../../core/src/report/report-types.ts'
import { Axis } from '../charts/axis.tsx'
import { IntervalPlot } from '../charts/interval-plot.tsx'
import { formatAccuracy, formatInterval } from '../format.ts'
import { type Domain, fractionDomain } from '../scale.ts'
import { lowestAllowed, significancePhrase } from '../words.ts'

/** Accuracy of each evaluation set with its 95 % interval, before above after. */
export function AccuracyTable({ report }: { readonly report: Report }): JSX.Element {
  const limits = report.evaluations.map((evaluation) => lowestAllowed(report, evaluation))
  const domain = fractionDomain([
    ...report.evaluations
      .flatMap(({ before, after }) => [before, after])
      .flatMap(({ value, low, high }) => [value, low, high]),
    ...limits.filter((limit) => limit !== null),
  ])
  return (
    <table class="accuracy">
      <caption>
        Accuracy
        <span class="legend">
          dot: measured, line: 95 % interval
          {limits.some((limit) => limit !== null) && ', dashed: lowest that passes'}
        </span>
      </caption>
      <thead>
        <tr>
          <th scope="col">Set</th>
          <th scope="col">Model</th>
          <th scope="col" class="chart">
            <span class="hidden">Plot in percent</span>
            <Axis domain={domain} />
          </th>
          <th scope="col" class="number">
            Accuracy
          </th>
          <th scope="col" class="number">
            95 % interval
          </th>
          <th scope="col" class="number wide">
            Questions
          </th>
        </tr>
      </thead>
      {report.evaluations.map((evaluation, i) => (
        <SetRows
          key={evaluation.name}
          evaluation={evaluation}
          domain={domain}
          limit={limits[i] ?? null}
        />
      ))}
    </table>
  )
}

type SetProps = {
  readonly evaluation: ReportEvaluation
  readonly domain: Domain
  readonly limit: number | null
}

function SetRows({ evaluation, domain, limit }: SetProps): JSX.Element {
  return (
    <tbody>
      <tr>
        <th scope="rowgroup" rowSpan={2}>
          <span class="name">{evaluation.name}</span>
          <small>{evaluation.before.metric}</small>
        </th>
        <ModelCells evaluation={evaluation} kind="before" domain={domain} limit={limit} />
      </tr>
      <tr>
        <ModelCells evaluation={evaluation} kind="after" domain={domain} limit={limit} />
      </tr>
      <tr class="remark">
        <td colSpan={6}>
          {significancePhrase(evaluation)}
          {limit !== null && ` Lowest accuracy that passes: ${formatAccuracy(limit)}.`}
        </td>
      </tr>
    </tbody>
  )
}

function ModelCells(props: SetProps & { readonly kind: 'before' | 'after' }): JSX.Element {
  const { kind, domain, limit } = props
  const { value, low, high, samples } = props.evaluation[kind]
  return (
    <>
      <td class={kind === 'before' ? 'was' : ''}>{kind}</td>
      <td class="chart">
        <IntervalPlot {...{ domain, kind, value, low, high, limit }} />
      </td>
      <td class="number">
        {kind === 'after' ? <strong>{formatAccuracy(value)}</strong> : formatAccuracy(value)}
      </td>
      <td class="number">{formatInterval(low, high)}</td>
      <td class="number wide">{samples.toLocaleString('en-US')}</td>
    </>
  )
}
