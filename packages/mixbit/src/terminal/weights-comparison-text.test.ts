import type { ComparedOutput, Comparison } from '@mixbit/core'
import { expect, test } from 'vitest'
import { plainPaint } from './style.ts'
import { weightsComparisonText } from './weights-comparison-text.ts'

const layout = { width: 60, paint: plainPaint }

const stored = {
  reference: { precision: 'fp16', form: 'const', hasSignedCodes: false, bytes: 128 },
  candidate: {
    precision: 'int8/tensor',
    form: 'constexpr_affine_dequantize',
    hasSignedCodes: false,
    bytes: 66,
  },
}

/** A weight that moved by the share of its number. */
function weight(at: number, error: number): ComparedOutput {
  return {
    name: `a_weight_with_a_long_name_${at}`,
    layer: `model.a_weight_with_a_long_name_${at}`,
    mse: error ** 2,
    maxAbsError: error,
    sqnrDb: error === 0 ? null : 40 - at,
    cosine: 0.999,
    top1Agreement: null,
    values: 64,
    notFinite: 0,
    stored,
  }
}

function comparisonOf(outputs: readonly ComparedOutput[]): Comparison {
  return {
    schema: 'mixbit/comparison@1',
    reference: 'a.mlpackage',
    candidate: 'b.mlpackage',
    data: 'weights',
    samples: outputs.length,
    outputs,
    bytes: { reference: 9000, candidate: 5000 },
    findings: [],
  }
}

test('on a narrow terminal a comparison of weights keeps precisions and SQNR', () => {
  const comparison = comparisonOf([weight(0, 0), weight(1, 0.5)])
  expect(weightsComparisonText(comparison, 'summary', layout)).toMatchInlineSnapshot(`
    "b.mlpackage against a.mlpackage: 1 of 2 weights changed, 9.00 kB to 5.00 kB

    weight                          before  after           SQNR
    model.a_weight…h_a_long_name_1  fp16    int8/tensor  39.0 dB

    1 weight is stored otherwise, with the same values"
  `)
})

test('codes that became unsigned are told, though precision and operations are the same', () => {
  const [signed, same] = [weight(0, 0), weight(1, 0)]
  const both = { reference: stored.candidate, candidate: stored.candidate }
  const comparison = comparisonOf([
    { ...signed, stored: { ...both, reference: { ...stored.candidate, hasSignedCodes: true } } },
    { ...same, stored: both },
  ])
  expect(weightsComparisonText(comparison, 'summary', layout)).toContain(
    '0 of 2 weights changed, 9.00 kB to 5.00 kB\n\n1 weight is stored otherwise',
  )
})

test('with every layer asked for, all that moved are listed under whole names', () => {
  const comparison = comparisonOf(Array.from({ length: 25 }, (_, at) => weight(at, 0.5)))
  const summary = weightsComparisonText(comparison, 'summary', layout)
  expect(summary).toContain('5 more moved less; --verbose lists all')
  const all = weightsComparisonText(comparison, 'layers', layout)
  expect(
    all.split('\n').filter((line) => line.startsWith('model.a_weight_with_a_long_name_')),
  ).toHaveLength(25)
  expect(all).not.toContain('more moved less')
})
