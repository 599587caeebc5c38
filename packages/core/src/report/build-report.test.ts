import { describe, expect, test } from 'vitest'

import { planRequest, weightFact } from '../../test/helpers/facts.ts'
import { makePlan } from '../plan/plan.ts'
import type { LayerErrors } from '../quantize/layer-totals.ts'
import type { QuantizedLayer } from '../quantize/quantize.ts'
import type { ReportParts } from './build-report.ts'
import { buildReport } from './build-report.ts'
import { readReport } from './read-report.ts'

const WEIGHTS = [
  weightFact({ layer: 'text.table', component: 'text', role: 'tied-embedding', shape: [100, 64] }),
  weightFact({ layer: 'decoder.a', shape: [64, 64] }),
  weightFact({ layer: 'decoder.bias', role: 'vector', shape: [64] }),
]

const PLAN = makePlan(
  WEIGHTS,
  planRequest({ components: { text: 'int8', decoder: 'int4' }, protect: false }),
)

const TOTALS: LayerErrors = {
  elements: 10,
  sqnrDb: 30,
  mse: 1e-6,
  maxAbsError: 0.01,
  histogram: [1, 2, 1],
}

const LAYERS: readonly QuantizedLayer[] = PLAN.layers.map((plan) => ({ plan, totals: TOTALS }))

// Table: 6400 codes and 100 fp16 scales. Matrix: 2048 bytes and 64 * 2 scales. Bias: 64 fp16.
const STORED = { table: 6600, matrix: 2304, bias: 128 }

const PARTS: ReportParts = {
  title: 'a model',
  beforeBytes: 25_000,
  afterBytes: 10_000,
  weights: WEIGHTS,
  layers: LAYERS,
  copies: [],
  gates: [],
  evaluations: [],
  findings: [],
  files: [],
  steps: [],
  provenance: [],
  config: {},
}

test('a report without evaluation has null accuracies and passes unless a gate failed', () => {
  const report = buildReport(PARTS)
  expect(report.before).toEqual({ bytes: 25_000, value: null })
  expect(report.after).toEqual({ bytes: 10_000, value: null })
  expect(report.passed).toBe(true)
  const gate = { name: 'size', limit: 1, measured: 2, text: '' }
  expect(buildReport({ ...PARTS, gates: [{ ...gate, status: 'failed' }] }).passed).toBe(false)
  expect(buildReport({ ...PARTS, gates: [{ ...gate, status: 'passed' }] }).passed).toBe(true)
})

describe('sizes by component', () => {
  test('add up to the files, before and after', () => {
    const { components } = buildReport(PARTS)
    expect(components).toEqual([
      {
        component: 'text',
        precision: 'int8/64',
        parameters: 6400,
        before: 12_800,
        after: STORED.table,
      },
      {
        component: 'decoder',
        precision: 'int4/32',
        parameters: 4160,
        before: 8320,
        after: STORED.matrix + STORED.bias,
      },
      {
        component: 'graph',
        precision: '',
        parameters: 0,
        before: 25_000 - 12_800 - 8320,
        after: 10_000 - STORED.table - STORED.matrix - STORED.bias,
      },
    ])
  })

  test('count a copied table with its component, not as structure', () => {
    const [table] = PLAN.layers
    if (table === undefined) throw new TypeError('no table')
    const afterBytes = 10_000 + STORED.table
    const { components } = buildReport({ ...PARTS, afterBytes, copies: [table] })
    const after = Object.fromEntries(components.map((each) => [each.component, each.after]))
    expect(after['text']).toBe(2 * STORED.table)
    expect(after['graph']).toBe(10_000 - STORED.table - STORED.matrix - STORED.bias)
  })
})

test('a layer has its size before and after, its error and its histogram', () => {
  const [, matrix, bias] = buildReport(PARTS).layers
  expect(matrix).toEqual({
    layer: 'decoder.a',
    component: 'decoder',
    role: 'linear',
    shape: [64, 64],
    precision: 'int4/32',
    form: 'MatMulNBits',
    algorithm: 'mse',
    before: 8192,
    after: STORED.matrix,
    sqnrDb: 30,
    mse: 1e-6,
    maxAbsError: 0.01,
    reasons: ['int4 by component'],
    histogram: { min: -0.5, max: 0.5, counts: [1, 2, 1] },
  })
  expect(bias).toMatchObject({ precision: 'fp16', algorithm: '' })
})

test('a weight that was not scanned has no histogram', () => {
  const weights = WEIGHTS.map((weight) => ({ ...weight, scan: null }))
  for (const { histogram } of buildReport({ ...PARTS, weights }).layers) {
    expect(histogram).toBeNull()
  }
})

test('report.json can be read again, and a newer or broken one is refused', () => {
  const report = buildReport(PARTS)
  const json: unknown = JSON.parse(JSON.stringify(report))
  expect(readReport(json, 'report.json')).toEqual(report)
  const refused = (value: object, code: string): void =>
    expect(() => readReport({ ...report, ...value }, 'report.json')).toThrow(
      expect.objectContaining({ code }),
    )
  refused({ schema: 'mixbit/report@2' }, 'unsupported-version')
  refused({ layers: 3 }, 'malformed')
  refused({ before: { bytes: 1 } }, 'malformed')
})
