import { expect, test } from 'vitest'

import { planRequest, weightFact } from '../../../test/helpers/facts.ts'
import { precisionName } from '../../scheme/precision.ts'
import { makePlan } from '../plan.ts'

// Needs by hand from DequantizeLinear: a scale an axis came with set 13, fp16 scales with 19, blocks
// and 4 bits with 21, 2 bits with 25. A convolution is stored with it, a linear layer in blocks is not.
const LIMIT = (limit: number | null): Readonly<Record<string, number>> | null =>
  limit === null ? null : { decoder: limit }
const STANDARD = 'DequantizeLinear'
const OWN = 'com.microsoft.DequantizeLinear'

test.for([
  { asked: 'int8', limit: null, name: 'int8/channel', scale: 'float16', form: STANDARD },
  { asked: 'int8', limit: 19, name: 'int8/channel', scale: 'float16', form: STANDARD },
  { asked: 'int8', limit: 18, name: 'int8/channel', scale: 'float32', form: STANDARD },
  { asked: 'int8', limit: 13, name: 'int8/channel', scale: 'float32', form: STANDARD },
  { asked: 'int8', limit: 12, name: 'int8/channel', scale: 'float32', form: OWN },
  { asked: 'int8/tensor', limit: 12, name: 'int8/tensor', scale: 'float32', form: STANDARD },
  { asked: 'int8/tensor', limit: 9, name: 'int8/tensor', scale: 'float32', form: OWN },
  { asked: 'int8/16', limit: 20, name: 'int8/16', scale: 'float32', form: OWN },
  { asked: 'int4/16', limit: 21, name: 'int4/16', scale: 'float16', form: STANDARD },
  { asked: 'int4/16', limit: 20, name: 'int4/16', scale: 'float32', form: OWN },
  { asked: 'int4/16/asym', limit: 7, name: 'int4/16/asym', scale: 'float32', form: OWN },
  { asked: 'int4/tensor', limit: 13, name: 'int4/tensor', scale: 'float32', form: OWN },
  { asked: 'int2/16', limit: 25, name: 'int2/16', scale: 'float16', form: STANDARD },
  { asked: 'int2/16', limit: 24, name: 'int4/16', scale: 'float32', form: STANDARD },
  { asked: 'int2/16', limit: 20, name: 'int4/16', scale: 'float32', form: OWN },
  // One block of all 32 channels is a scale a channel, which set 19 has.
  { asked: 'int8/32', limit: 19, name: 'int8/32', scale: 'float16', form: STANDARD },
] as const)('a convolution asked to be $asked, at most at set $limit', (row) => {
  const facts = weightFact({ role: 'conv', shape: [32, 32, 3, 3], dtype: 'float32' })
  const request = planRequest({ precision: row.asked, opsetLimit: LIMIT(row.limit) })
  const [layer] = makePlan([facts], { ...request, floats: 'as-stored' }).layers
  const scheme = layer?.scheme
  expect(scheme === undefined ? '' : precisionName(scheme)).toBe(row.name)
  expect(scheme?.kind === 'affine' ? scheme.scaleDtype : null).toBe(row.scale)
  expect(layer?.form).toBe(row.form)
})

test('the reason names both operator sets and what came of it', () => {
  const facts = weightFact({ role: 'conv', shape: [32, 32, 3, 3] })
  const reasons = (precision: string, limit: number) =>
    makePlan([facts], planRequest({ precision, opsetLimit: LIMIT(limit) })).layers[0]?.reasons.at(
      -1,
    )
  expect(reasons('int8', 17)).toBe(
    'needs opset 19, and the model can have 17 at most: int8/channel with fp32 scales',
  )
  expect(reasons('int4/16', 17)).toBe(
    "needs opset 21, and the model can have 17 at most: int4/16 with fp32 scales, by ONNX Runtime's own DequantizeLinear",
  )
})

test('operators of ONNX Runtime do not depend on the operator set', () => {
  const request = planRequest({ precision: 'int4', opsetLimit: LIMIT(7) })
  const [layer] = makePlan([weightFact({ shape: [64, 64] })], request).layers
  expect(layer).toMatchObject({ form: 'MatMulNBits', scheme: { dtype: 'int4' } })
})

test('a limit is that of one graph', () => {
  const conv = { role: 'conv', shape: [32, 32, 3, 3] } as const
  const facts = ['encoder', 'decoder'].map((component) =>
    weightFact({ ...conv, layer: `${component}.w`, component }),
  )
  const request = planRequest({ precision: 'int4', opsetLimit: LIMIT(13) })
  const names = makePlan(facts, request).layers.map(({ scheme }) => precisionName(scheme))
  expect(names).toEqual(['int4/32', 'int4/32'])
  const forms = makePlan(facts, request).layers.map(({ form }) => form)
  expect(forms).toEqual(['DequantizeLinear', 'com.microsoft.DequantizeLinear'])
})
