import { expect, test } from 'vitest'

import { planRequest, weightFact } from '../../../test/helpers/facts.ts'
import { precisionName } from '../../scheme/precision.ts'
import { makePlan } from '../plan.ts'

// Needs by hand from DequantizeLinear: a scale an axis came with set 13, fp16 scales with 19, blocks
// and 4 bits with 21. A convolution is stored with it, a linear layer in blocks is not.
const LIMIT = (limit: number | null): Readonly<Record<string, number>> | null =>
  limit === null ? null : { decoder: limit }
const FLOAT = { name: 'fp32', scale: null }

test.for([
  { asked: 'int8', limit: null, gets: { name: 'int8/channel', scale: 'float16' } },
  { asked: 'int8', limit: 19, gets: { name: 'int8/channel', scale: 'float16' } },
  { asked: 'int8', limit: 18, gets: { name: 'int8/channel', scale: 'float32' } },
  { asked: 'int8', limit: 13, gets: { name: 'int8/channel', scale: 'float32' } },
  { asked: 'int8', limit: 12, gets: FLOAT },
  { asked: 'int8/tensor', limit: 12, gets: { name: 'int8/tensor', scale: 'float32' } },
  { asked: 'int8/tensor', limit: 9, gets: FLOAT },
  { asked: 'int4', limit: 20, gets: { name: 'int8/channel', scale: 'float32' } },
  { asked: 'int4/asym', limit: 13, gets: { name: 'int8/channel/asym', scale: 'float32' } },
  { asked: 'int4/tensor', limit: 13, gets: { name: 'int8/channel', scale: 'float32' } },
  { asked: 'int8/16', limit: 20, gets: { name: 'int8/channel', scale: 'float32' } },
  { asked: 'int4', limit: 12, gets: FLOAT },
] as const)('a convolution asked to be $asked, at most at set $limit', ({ asked, limit, gets }) => {
  const facts = weightFact({ role: 'conv', shape: [32, 32, 3, 3], dtype: 'float32' })
  const request = planRequest({ precision: asked, opsetLimit: LIMIT(limit), floats: 'as-stored' })
  const [layer] = makePlan([facts], request).layers
  const scheme = layer?.scheme
  expect(scheme === undefined ? '' : precisionName(scheme)).toBe(gets.name)
  expect(scheme?.kind === 'affine' ? scheme.scaleDtype : null).toBe(gets.scale)
})

test('the reason names both operator sets and what came of it', () => {
  const facts = weightFact({ role: 'conv', shape: [32, 32, 3, 3] })
  const reasons = (precision: string, limit: number) =>
    makePlan([facts], planRequest({ precision, opsetLimit: LIMIT(limit) })).layers[0]?.reasons.at(
      -1,
    )
  expect(reasons('int4', 17)).toBe('needs opset 21, and the model stays at 17: int8/channel')
  expect(reasons('int8/32', 11)).toBe('needs opset 21, and the model stays at 11: stays float')
})

test('a fp16 weight that stays float stays fp16', () => {
  const facts = weightFact({ role: 'conv', shape: [32, 32, 3, 3], dtype: 'float16' })
  const request = planRequest({ precision: 'int4', opsetLimit: LIMIT(9), floats: 'as-stored' })
  expect(makePlan([facts], request).layers[0]?.scheme).toEqual({ kind: 'float', dtype: 'float16' })
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
  expect(names).toEqual(['int4/32', 'int8/channel'])
})
