import type { LayerPlan, Plan } from '@mixbit/core'
import { expect, test } from 'vitest'
import { planText } from './plan-text.ts'
import { plainPaint } from './style.ts'

const layout = { width: 60, paint: plainPaint }

/** A weight in blocks of its own size. */
function layer(at: number): LayerPlan {
  return {
    layer: `model.w${at}`,
    component: 'model',
    role: 'linear',
    shape: [64, 64],
    scheme: {
      kind: 'affine',
      dtype: 'int4',
      symmetric: true,
      granularity: { kind: 'per-block', axis: 1, blockSize: at + 2 },
      scaleDtype: 'float16',
    },
    algorithm: 'round',
    form: 'constexpr_blockwise_shift_scale',
    bytes: { codes: 100 * (at + 1), scales: 0, zeroPoints: 0 },
    reasons: ['int4 by precision', `blocks of 32 do not divide ${at + 40} input channels`],
  }
}

function planOf(layers: readonly LayerPlan[]): Plan {
  return {
    schema: 'mixbit/plan@1',
    model: 'm.mlpackage',
    target: 'coreml-ios18',
    preset: null,
    protect: true,
    statistics: null,
    seed: 0,
    layers,
    bytes: 0,
    findings: [{ code: 'precision-adapted', severity: 'info', message: 'Said already.' }],
  }
}

test('a plan of many precisions has a short table, and says each thing once', () => {
  const layers = Array.from({ length: 30 }, (_, at) => layer(at))
  expect(planText(planOf(layers), 'summary', layout)).toMatchInlineSnapshot(`
    "m.mlpackage  for coreml-ios18, 46.5 kB of weights

    precision  stored as              weights     size
    int4/21    blockwise_shift_scale        1  2.00 kB
    int4/22    blockwise_shift_scale        1  2.10 kB
    int4/23    blockwise_shift_scale        1  2.20 kB
    int4/24    blockwise_shift_scale        1  2.30 kB
    int4/25    blockwise_shift_scale        1  2.40 kB
    int4/26    blockwise_shift_scale        1  2.50 kB
    int4/27    blockwise_shift_scale        1  2.60 kB
    int4/28    blockwise_shift_scale        1  2.70 kB
    int4/29    blockwise_shift_scale        1  2.80 kB
    int4/30    blockwise_shift_scale        1  2.90 kB
    int4/31    blockwise_shift_scale        1  3.00 kB
    19 more    --verbose lists all         19  19.0 kB

    weights  because
         30  blocks of 32 do not divide 40, 41, 42, … input
             channels"
  `)
})

test('with every layer asked for, each has a row with its reason', () => {
  const layers = Array.from({ length: 30 }, (_, at) => layer(at))
  const text = planText(planOf(layers), 'layers', layout)
  expect(text).toContain(
    'model.w7   int4/9     blockwise_shift_scale    800 B  int4 by precision; blocks of 32 do not divide 47 input channels\n',
  )
  expect(text).not.toContain('--verbose lists all')
})
