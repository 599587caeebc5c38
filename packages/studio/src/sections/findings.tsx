import type { JSX } from 'preact'
import type { Finding } from '../../../core/src/base/finding.ts'
import { formatPlural } from '../format.ts'
import { LongName } from '../parts/long-name.tsx'
import { Icon } from '../parts/icon.tsx'
import { Section } from '../parts/section.tsx'

type FindingsProps = { readonly findings: readonly Finding[] }

/** What the reader should know, warnings first. */
export function Findings({ findings }: FindingsProps): JSX.Element {
  const warnings = findings.filter((finding) => finding.severity === 'warning')
  const notes = findings.filter((finding) => finding.severity !== 'warning')
  return (
    <Section id="findings" title="Findings">
      <p class="lead">
        {findings.length === 0
          ? 'Nothing unusual was found.'
          : `${formatPlural(warnings.length, 'warning')}, ${formatPlural(notes.length, 'note')}.`}
      </p>
      <ul class="findings">
        {[...warnings, ...notes].map((finding, i) => (
          <FindingItem key={i} finding={finding} />
        ))}
      </ul>
    </Section>
  )
}

function FindingItem({ finding }: { readonly finding: Finding }): JSX.Element {
  const isWarning = finding.severity === 'warning'
  return (
    <li>
      <Icon name={isWarning ? 'warning' : 'info'} />
      <div>
        <p>
          <span class="hidden">{isWarning ? 'Warning: ' : 'Note: '}</span>
          {finding.message}
        </p>
        <p class="about">
          <code>{finding.code}</code>
          {finding.subject !== undefined && <LongName name={finding.subject} />}
        </p>
      </div>
    </li>
  )
}
