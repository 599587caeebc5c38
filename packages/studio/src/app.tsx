import type { JSX } from 'preact'
import type { Report } from '../../core/src/report/report-types.ts'
import { ChangedAnswers } from './sections/changed-answers.tsx'
import { Findings } from './sections/findings.tsx'
import { Layers } from './sections/layers.tsx'
import { Making } from './sections/making.tsx'
import { QuestionTypes } from './sections/question-types.tsx'
import { SizeAndAccuracy } from './sections/size-and-accuracy.tsx'
import { Verdict } from './sections/verdict.tsx'

type ReportProps = { readonly report: Report }

const SECTIONS: readonly { readonly id: string; readonly title: string }[] = [
  { id: 'verdict', title: 'Verdict' },
  { id: 'size', title: 'Size and accuracy' },
  { id: 'findings', title: 'Findings' },
  { id: 'types', title: 'Question types' },
  { id: 'changed', title: 'Changed answers' },
  { id: 'layers', title: 'Layers' },
  { id: 'making', title: 'How it was made' },
]

/** The whole page, from the verdict down to the hashes. */
export function App({ report }: ReportProps): JSX.Element {
  return (
    <div class="frame">
      <nav class="contents" aria-label="Contents">
        <ol>
          {SECTIONS.map(({ id, title }) => (
            <li key={id}>
              <a href={`#${id}`}>{title}</a>
            </li>
          ))}
        </ol>
      </nav>
      <main>
        <header>
          <p class="kicker">Mixbit quantization report</p>
          <h1 class="name">{report.title}</h1>
        </header>
        <Verdict report={report} />
        <SizeAndAccuracy report={report} />
        <Findings findings={report.findings} />
        <QuestionTypes evaluations={report.evaluations} />
        <ChangedAnswers evaluations={report.evaluations} />
        <Layers layers={report.layers} />
        <Making report={report} />
      </main>
    </div>
  )
}
