import type { JSX } from 'preact'
import type { Report } from '../../../core/src/report/report-types.ts'
import { Section } from '../parts/section.tsx'
import { AccuracyTable } from './accuracy-table.tsx'
import { SizeTable } from './size-table.tsx'

/** What was saved, and what it cost. */
export function SizeAndAccuracy({ report }: { readonly report: Report }): JSX.Element {
  return (
    <Section id="size" title="Size and accuracy">
      <SizeTable report={report} />
      {report.evaluations.length > 0 ? (
        <AccuracyTable report={report} />
      ) : (
        <p class="note">Accuracy was not measured: no evaluation data was given.</p>
      )}
    </Section>
  )
}
