import type { JSX } from 'preact'
import type { Gate, Report } from '../../../core/src/report/report-types.ts'
import { formatBytes, formatAccuracy, formatChange, formatPoints } from '../format.ts'
import { Icon } from '../parts/icon.tsx'
import { gateText, summaryPhrase, verdictPhrase } from '../words.ts'

/** Whether the model may be used, in one word, one sentence, two figures and one table. */
export function Verdict({ report }: { readonly report: Report }): JSX.Element {
  const status = report.passed ? 'passed' : 'failed'
  return (
    <section id="verdict" class={`verdict ${status}`} aria-labelledby="verdict-title">
      <div class="headline">
        <h2 id="verdict-title">
          <Icon name={status} />
          {report.passed ? 'Passed' : 'Failed'}
        </h2>
        <p class="requirement">{verdictPhrase(report)}</p>
        <p class="summary">{summaryPhrase(report)}</p>
      </div>
      <Figures report={report} />
      {report.gates.length > 0 && <Gates gates={report.gates} />}
    </section>
  )
}

function Figures({ report: { before, after } }: { readonly report: Report }): JSX.Element {
  return (
    <dl class="figures" aria-hidden="true">
      <Figure
        name="Size"
        before={formatBytes(before.bytes)}
        after={formatBytes(after.bytes)}
        change={formatChange(before.bytes, after.bytes)}
      />
      {before.value !== null && after.value !== null && (
        <Figure
          name="Accuracy"
          before={formatAccuracy(before.value)}
          after={formatAccuracy(after.value)}
          change={`${formatPoints(after.value - before.value)} points`}
        />
      )}
    </dl>
  )
}

type FigureProps = {
  readonly name: string
  readonly before: string
  readonly after: string
  readonly change: string
}

function Figure({ name, before, after, change }: FigureProps): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span class="was">{before}</span>
        <span class="arrow">{'\u2192'}</span>
        <strong>{after}</strong>
        <span class="difference">{change}</span>
      </dd>
    </div>
  )
}

function Gates({ gates }: { readonly gates: readonly Gate[] }): JSX.Element {
  return (
    <table class="gates">
      <caption>Requirements</caption>
      <thead>
        <tr>
          <th scope="col">Requirement</th>
          <th scope="col" class="number">
            Limit
          </th>
          <th scope="col" class="number">
            Measured
          </th>
          <th scope="col">Status</th>
        </tr>
      </thead>
      <tbody>
        {gates.map((gate) => (
          <GateRow key={gate.name} gate={gate} />
        ))}
      </tbody>
    </table>
  )
}

function GateRow({ gate }: { readonly gate: Gate }): JSX.Element {
  const { label, limit, measured } = gateText(gate)
  return (
    <tr>
      <th scope="row">
        <span class="name">{label}</span>
        <small>{gate.text}</small>
      </th>
      <td class="number">{limit}</td>
      <td class="number">
        <strong>{measured}</strong>
      </td>
      <td class={`status ${gate.status}`}>
        <Icon name={gate.status} />
        {gate.status}
      </td>
    </tr>
  )
}
