import type { JSX } from 'preact'
import type { Accuracy } from '../../../core/src/evaluate/evaluate-types.ts'
import type { ReportEvaluation } from '../../../core/src/report/report-types.ts'
import { Axis } from '../charts/axis.tsx'
import { ChangePlot } from '../charts/change-plot.tsx'
import { formatAccuracy, formatInterval, formatPoints } from '../format.ts'
import { LongName } from '../parts/long-name.tsx'
import { Section } from '../parts/section.tsx'
import { type Domain, fractionDomain } from '../scale.ts'

type TypesProps = { readonly evaluations: readonly ReportEvaluation[] }

type TypeRow = { readonly type: string; readonly before: Accuracy; readonly after: Accuracy }

/** Where accuracy was lost: each question type before and after, the largest loss first. */
export function QuestionTypes({ evaluations }: TypesProps): JSX.Element {
  return (
    <Section id="types" title="Accuracy per question type">
      {evaluations.length === 0 && <p class="note">No evaluation data was given.</p>}
      {evaluations.map((evaluation) => (
        <TypesTable key={evaluation.name} evaluation={evaluation} />
      ))}
    </Section>
  )
}

function typeRows({ before, after }: ReportEvaluation): readonly TypeRow[] {
  const rows = Object.entries(before.byQuestionType).flatMap(([type, accuracy]) => {
    const other = Object.hasOwn(after.byQuestionType, type) ? after.byQuestionType[type] : undefined
    return other === undefined ? [] : [{ type, before: accuracy, after: other }]
  })
  return rows.sort((a, b) => change(a) - change(b) || a.type.localeCompare(b.type, 'en'))
}

function change(row: TypeRow): number {
  return row.after.value - row.before.value
}

function TypesTable({ evaluation }: { readonly evaluation: ReportEvaluation }): JSX.Element {
  const rows = typeRows(evaluation)
  const domain = fractionDomain(rows.flatMap((row) => [row.before.value, row.after.value]))
  return (
    <table class="types">
      <caption>
        <span class="name">{evaluation.name}</span>
        <span class="legend">
          <span class="key open" /> before <span class="key filled" /> after, largest loss first
        </span>
      </caption>
      <thead>
        <tr>
          <th scope="col">Question type</th>
          <th scope="col" class="number wide">
            Questions
          </th>
          <th scope="col" class="chart">
            <span class="hidden">Plot in percent</span>
            <Axis domain={domain} />
          </th>
          <th scope="col" class="number">
            Before
          </th>
          <th scope="col" class="number">
            After
          </th>
          <th scope="col" class="number wide">
            95 % interval after
          </th>
          <th scope="col" class="number">
            Points
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <TypeCells key={row.type} row={row} domain={domain} />
        ))}
      </tbody>
    </table>
  )
}

function TypeCells({
  row,
  domain,
}: {
  readonly row: TypeRow
  readonly domain: Domain
}): JSX.Element {
  const { type, before, after } = row
  return (
    <tr>
      <th scope="row">
        <LongName name={type} />
      </th>
      <td class="number wide">{after.samples.toLocaleString('en-US')}</td>
      <td class="chart">
        <ChangePlot domain={domain} before={before.value} after={after.value} />
      </td>
      <td class="number">{formatAccuracy(before.value)}</td>
      <td class="number">
        <strong>{formatAccuracy(after.value)}</strong>
      </td>
      <td class="number wide">{formatInterval(after.low, after.high)}</td>
      <td class="number">{formatPoints(change(row))}</td>
    </tr>
  )
}
