import type { OptionRow, OptionsComparison } from '@mixbit/core'
import { findingLines, hanging } from './summary.ts'
import type { Layout } from './summary.ts'
import { formatTable } from './table.ts'
import type { Cell } from './table.ts'
import { formatMetric } from './task-text.ts'
import { formatBytes, formatCount, formatPercent } from './units.ts'

/** What `compare --options` shows: one row an option, and why some are missing. */
export function optionsText(comparison: OptionsComparison, layout: Layout): string {
  const { model, data, samples, options, findings } = comparison
  const head = `${layout.paint('strong', model)}, ${formatCount(samples)} samples of ${data}`
  const metric = options.find((option) => option.metric !== null)?.metric ?? null
  const table = formatTable(
    [
      { title: 'option', align: 'left' },
      { title: 'size', align: 'right' },
      { title: 'ratio', align: 'right' },
      { title: 'SQNR', align: 'right' },
      { title: 'top-1 agreement', align: 'right' },
      ...(metric === null
        ? []
        : [
            { title: metric, align: 'right' } as const,
            { title: '95 % interval', align: 'right' } as const,
          ]),
      { title: 'ms a sample', align: 'right' },
    ],
    options.map((option) => rowOf(option, metric)),
    layout,
  )
  const reasons = options.flatMap(({ name, reason }) =>
    reason === null ? [] : hanging('  ', 2, `${name} is not available: ${reason}`, layout.width),
  )
  const lines = findingLines(findings, layout)
  return [
    head,
    '',
    ...table,
    ...(reasons.length > 0 ? ['', ...reasons] : []),
    ...(lines.length > 0 ? ['', ...lines] : []),
  ].join('\n')
}

function rowOf(option: OptionRow, metric: string | null): readonly Cell[] {
  const { name, bytes, ratio, low, high, top1Agreement, milliseconds } = option
  if (option.status === 'not-available') return [name, { text: 'not available', tone: 'faint' }]
  return [
    name,
    bytes === null ? '' : formatBytes(bytes),
    ratio === null ? '' : formatPercent(ratio, 1),
    errorText(option),
    top1Agreement === null ? '' : formatPercent(top1Agreement),
    ...(metric === null
      ? []
      : [
          { text: formatMetric(metric, option.value), tone: 'strong' } as const,
          low === null || high === null
            ? ''
            : `${formatMetric(metric, low)} to ${formatMetric(metric, high)}`,
        ]),
    milliseconds === null ? '' : milliseconds.toPrecision(3),
  ]
}

/** The float model is what the others are compared with. */
function errorText({ name, sqnrDb }: OptionRow): string {
  if (name === 'float') return ''
  return sqnrDb === null ? 'unchanged' : `${sqnrDb.toFixed(1)} dB`
}
