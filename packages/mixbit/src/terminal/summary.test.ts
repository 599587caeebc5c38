import type { Report } from '@mixbit/core'
import { expect, test } from 'vitest'
import { plainPaint } from './style.ts'
import { findingLines, runSummary } from './summary.ts'

const evaluation = (value: number, low: number, high: number) => ({
  schema: 'mixbit/evaluation@1' as const,
  metric: 'vqa-accuracy',
  value,
  low,
  high,
  samples: 2000,
  seconds: 41,
  data: 'val.json',
  byQuestionType: {},
  byAnswerType: {},
  numerics: 'faithful' as const,
  findings: [],
})

const report: Report = {
  schema: 'mixbit/report@1',
  title: 'fastvlm-nano',
  passed: false,
  before: { bytes: 8_760_000, value: 0.99 },
  after: { bytes: 3_120_000, value: 0.9512 },
  gates: [
    {
      name: 'max-drop',
      status: 'failed',
      limit: 0.03,
      measured: 0.0388,
      text: 'Accuracy fell by 3.88 points; at most 3.00 are accepted.',
    },
    {
      name: 'min-retained',
      status: 'passed',
      limit: 0.95,
      measured: 0.9608,
      text: '96.1 % of the accuracy is kept; at least 95.0 % is asked for.',
    },
  ],
  components: [
    {
      component: 'vision_encoder',
      precision: 'int4/32',
      parameters: 2_500_000,
      before: 5_000_000,
      after: 1_500_000,
    },
    {
      component: 'decoder',
      precision: 'int4/32',
      parameters: 1_800_000,
      before: 3_760_000,
      after: 1_620_000,
    },
  ],
  layers: [],
  evaluations: [
    {
      name: 'val',
      before: evaluation(0.99, 0.985, 0.994),
      after: evaluation(0.9512, 0.941, 0.96),
      worse: 81,
      better: 3,
      pValue: 0.0001,
      changed: [],
    },
  ],
  findings: [
    { code: 'shared-table', severity: 'info', message: 'The token table is stored once.' },
    {
      code: 'block-changed',
      severity: 'warning',
      subject: 'decoder.layers.0.mlp',
      message: 'Blocks of 32 do not divide 72 input channels; blocks of 24 are used.',
    },
  ],
  files: [],
  steps: [],
  provenance: [],
  config: {},
}

test('the summary of a run has verdict, sizes, accuracy, gates and warnings', () => {
  expect(runSummary(report, { width: 80, paint: plainPaint })).toMatchInlineSnapshot(`
    "FAILED  fastvlm-nano  8.76 MB to 3.12 MB, accuracy 99.00 % to 95.12 %

    size            precision   before    after   ratio
    vision_encoder  int4/32    5.00 MB  1.50 MB  30.0 %
    decoder         int4/32    3.76 MB  1.62 MB  43.1 %
    total                      8.76 MB  3.12 MB  35.6 %

    accuracy   before    after  points     95 % interval  samples
    val       99.00 %  95.12 %   -3.88  94.1 % to 96.0 %    2,000

    ✗ failed  max-drop: Accuracy fell by 3.88 points; at most 3.00 are accepted.
    ✓ passed  min-retained: 96.1 % of the accuracy is kept; at least 95.0 % is asked
              for.

    ! decoder.layers.0.mlp: Blocks of 32 do not divide 72 input channels; blocks of
      24 are used.
    1 more finding in the report
    "
  `)
})

test('without evaluation the summary says that accuracy was not measured', () => {
  const unmeasured = {
    ...report,
    passed: true,
    before: { bytes: 8_760_000, value: null },
    after: { bytes: 3_120_000, value: null },
    gates: [],
    evaluations: [],
    findings: [],
  }
  expect(runSummary(unmeasured, { width: 80, paint: plainPaint })).toMatchInlineSnapshot(`
    "DONE  fastvlm-nano  8.76 MB to 3.12 MB, accuracy not measured

    size            precision   before    after   ratio
    vision_encoder  int4/32    5.00 MB  1.50 MB  30.0 %
    decoder         int4/32    3.76 MB  1.62 MB  43.1 %
    total                      8.76 MB  3.12 MB  35.6 %
    "
  `)
})

test('no line of the summary is wider than the terminal', () => {
  for (const width of [64, 80, 200]) {
    const lines = runSummary(report, { width, paint: plainPaint }).split('\n')
    expect(Math.max(...lines.slice(1).map((line) => line.length))).toBeLessThanOrEqual(width)
  }
})

test('a finding names what it is about once', () => {
  const finding = (subject: string, message: string) =>
    ({ code: 'all-zero', severity: 'warning', subject, message }) as const
  const layout = { width: 80, paint: plainPaint }
  const found = [finding('a.b', '"a.b" holds only zeros.'), finding('val.json', '3 answers.')]
  expect(findingLines(found, layout)).toEqual([
    '! "a.b" holds only zeros.',
    '! val.json: 3 answers.',
  ])
})
