import type { JSX } from 'preact'
import type { Report } from '../../../core/src/report/report-types.ts'
import { formatBytes, formatSeconds } from '../format.ts'
import { ReportFile } from '../parts/report-file.tsx'
import { LongName } from '../parts/long-name.tsx'
import { Section } from '../parts/section.tsx'

type ReportProps = { readonly report: Report }

/** Everything that is needed to make the same files again, and to know that they are the same. */
export function Making({ report }: ReportProps): JSX.Element {
  return (
    <Section id="making" title="How it was made">
      <Steps report={report} />
      <Files report={report} />
      <Provenance report={report} />
      <details class="config">
        <summary>Configuration in force</summary>
        <pre>{JSON.stringify(report.config, null, 2)}</pre>
      </details>
      <ReportFile report={report} />
    </Section>
  )
}

function Steps({ report: { steps } }: ReportProps): JSX.Element {
  const total = steps.reduce((sum, step) => sum + (step.seconds ?? 0), 0)
  return (
    <table class="steps">
      <caption>Steps</caption>
      <thead>
        <tr>
          <th scope="col">Step</th>
          <th scope="col" class="number">
            Time
          </th>
          <th scope="col">Note</th>
        </tr>
      </thead>
      <tbody>
        {steps.map((step, i) => (
          <tr key={i}>
            <th scope="row">
              <span class="name">{step.name}</span>
            </th>
            <td class="number">
              {step.seconds === null ? (
                <span class="was">skipped</span>
              ) : (
                formatSeconds(step.seconds)
              )}
            </td>
            <td class="name">{step.note}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Together</th>
          <td class="number">{formatSeconds(total)}</td>
          <td />
        </tr>
      </tfoot>
    </table>
  )
}

function Files({ report: { files } }: ReportProps): JSX.Element {
  return (
    <table class="files">
      <caption>Files</caption>
      <thead>
        <tr>
          <th scope="col">File</th>
          <th scope="col" class="number">
            Size
          </th>
          <th scope="col">SHA-256</th>
        </tr>
      </thead>
      <tbody>
        {files.map((file) => (
          <tr key={file.path}>
            <th scope="row">
              <LongName name={file.path} />
            </th>
            <td class="number">{formatBytes(file.bytes)}</td>
            <td>
              <code class="hash">{file.sha256}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Provenance({ report: { provenance } }: ReportProps): JSX.Element {
  return (
    <table class="provenance">
      <caption>Provenance</caption>
      <tbody>
        {provenance.map(({ name, value }, i) => (
          <tr key={i}>
            <th scope="row">
              <span class="name">{name}</span>
            </th>
            <td class="name">{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
