import type { Verification } from '@mixbit/core'
import { hanging } from './summary.ts'
import type { Layout } from './summary.ts'
import { printable } from './text.ts'

/** A mark and its columns for each outcome of a check. */
const MARKS = {
  passed: { tone: 'good', text: '✓ passed   ' },
  failed: { tone: 'bad', text: '✗ failed   ' },
  skipped: { tone: 'faint', text: '· skipped  ' },
} as const

/** What `verify` shows: the verdict, then each check, a failed one with what is wrong. */
export function verifyText({ model, checks, passed }: Verification, layout: Layout): string {
  const { paint, width } = layout
  const verdict = passed ? paint('good', 'PASSED') : paint('bad', 'FAILED')
  const lines = checks.flatMap(({ name, status, message }) => {
    const { tone, text } = MARKS[status]
    return hanging(
      paint(tone, text),
      text.length,
      message === undefined ? name : `${name}: ${message}`,
      width,
    )
  })
  return [`${verdict}  ${paint('strong', printable(model))}`, '', ...lines].join('\n')
}
