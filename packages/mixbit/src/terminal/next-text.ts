import type { Report } from '@mixbit/core'
import type { Layout } from './summary.ts'
import { hanging } from './summary.ts'

/** Where a run's report lies and what to do next: the end of what `run` shows. */
export function nextText(
  report: Pick<Report, 'gates' | 'evaluations'>,
  output: string,
  layout: Layout,
): string {
  const rows: readonly (readonly [string, string])[] = [
    ['Report', `${output}/report.html`],
    ['Next', nextStep(report, output)],
  ]
  return rows
    .flatMap(([name, text]) => {
      const label = `${name}:`.padEnd(LABEL_WIDTH)
      return hanging(layout.paint('strong', label), LABEL_WIDTH, text, layout.width)
    })
    .map((line) => `${line}\n`)
    .join('')
}

const LABEL_WIDTH = 8

function nextStep(
  { gates, evaluations }: Pick<Report, 'gates' | 'evaluations'>,
  output: string,
): string {
  const failed = gates.filter(({ status }) => status === 'failed')
  if (failed.some(({ name }) => name !== 'size')) {
    return (
      'the report shows which layers moved most. Give them more bits with --layer or --component, ' +
      'start from --preset quality_focused, or give --calibration if you did not.'
    )
  }
  if (failed.length > 0) {
    return 'give fewer bits with --layer or --component, or start from --preset ultra_fast.'
  }
  if (evaluations.length === 0) {
    return `measure it: mixbit evaluate ${output} --data <descriptor>, or run again with --eval.`
  }
  return `measure it on other questions: mixbit evaluate ${output} --data <descriptor>`
}
