import type { OptionRow, OptionsComparison } from '@mixbit/core'
import { expect, test } from 'vitest'
import { optionsText } from './options-text.ts'
import { plainPaint } from './style.ts'

const measured = {
  metric: 'top1-accuracy',
  low: 0.9714,
  high: 0.9932,
  status: 'measured',
  reason: null,
} as const

const rows: readonly OptionRow[] = [
  {
    ...measured,
    name: 'float',
    bytes: 26_500,
    ratio: 1,
    value: 0.986,
    sqnrDb: null,
    top1Agreement: null,
    milliseconds: 0.06214,
  },
  {
    ...measured,
    name: 'int8',
    bytes: 9030,
    ratio: 0.341,
    value: 0.984,
    sqnrDb: 45.63,
    top1Agreement: 0.998,
    milliseconds: 12.345,
  },
  {
    name: 'dynamic',
    bytes: null,
    ratio: null,
    metric: null,
    value: null,
    low: null,
    high: null,
    sqnrDb: null,
    top1Agreement: null,
    milliseconds: null,
    status: 'not-available',
    reason: 'there is no such thing',
  },
]

const comparison: OptionsComparison = {
  schema: 'mixbit/options@1',
  model: 'mnist.onnx',
  data: 'digits',
  samples: 1500,
  options: rows,
  findings: [],
}

const layout = { width: 120, paint: plainPaint }

test('one row an option, and the reason of one that is missing', () => {
  expect(optionsText(comparison, layout)).toBe(
    [
      'mnist.onnx, 1,500 samples of digits',
      '',
      'option            size    ratio     SQNR  top-1 agreement  top1-accuracy       95 % interval  ms a sample',
      'float          26.5 kB  100.0 %                                  98.60 %  97.14 % to 99.32 %       0.0621',
      'int8           9.03 kB   34.1 %  45.6 dB          99.80 %        98.40 %  97.14 % to 99.32 %         12.3',
      'dynamic  not available',
      '',
      '  dynamic is not available: there is no such thing',
    ].join('\n'),
  )
})

test('without labels there are no columns for accuracy, and equal outputs are unchanged', () => {
  const options = rows
    .slice(0, 2)
    .map((row) => ({ ...row, metric: null, value: null, low: null, high: null, sqnrDb: null }))
  expect(
    optionsText({ ...comparison, options }, layout)
      .split('\n')
      .slice(2),
  ).toEqual([
    'option     size    ratio       SQNR  top-1 agreement  ms a sample',
    'float   26.5 kB  100.0 %                                   0.0621',
    'int8    9.03 kB   34.1 %  unchanged          99.80 %         12.3',
  ])
})
