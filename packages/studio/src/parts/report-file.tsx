import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { Report } from '../../../core/src/report/report-types.ts'

/** Buttons that hand out the data of this page. */
export function ReportFile({ report }: { readonly report: Report }): JSX.Element {
  const [said, setSaid] = useState('')
  return (
    <div class="report-file">
      <button type="button" onClick={() => save(report)}>
        Download report.json
      </button>
      <button
        type="button"
        onClick={() => {
          copy(report).then(
            () => setSaid('Copied.'),
            () => setSaid('The browser did not allow it; use the download.'),
          )
        }}
      >
        Copy as JSON
      </button>
      <span role="status">{said}</span>
    </div>
  )
}

function save(report: Report): void {
  const address = URL.createObjectURL(new Blob([jsonOf(report)], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = address
  link.download = 'report.json'
  link.click()
  URL.revokeObjectURL(address)
}

async function copy(report: Report): Promise<void> {
  await navigator.clipboard.writeText(jsonOf(report))
}

function jsonOf(report: Report): string {
  return `${JSON.stringify(report, null, 2)}\n`
}
