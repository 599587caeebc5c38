import fc from 'fast-check'
import { expect, test } from 'vitest'

import { planRequest, SOUND_SCAN, weightFact } from '../../../test/helpers/facts.ts'
import type { WeightFacts } from '../../audit/audit-types.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { LayerPlan, Plan } from '../plan-types.ts'
import { makePlan } from '../plan.ts'

function planOf(facts: Partial<WeightFacts>, precision: string): Plan {
  return makePlan([weightFact(facts)], planRequest({ precision }))
}

function layerOf({ layers }: Plan): LayerPlan {
  const [layer] = layers
  if (layer === undefined) throw new TypeError('there is one layer')
  return layer
}

const conv = (inputs: number, kernel: number): Partial<WeightFacts> => ({
  role: 'conv',
  shape: [64, inputs, kernel, kernel],
})

// Bits a value by hand: a fp16 scale for n codes of b bits is b + 16 / n.
test.for([
  // One code a scale: 20 bits, and 24 of int8; fp16 has 16.
  { what: 'one channel', facts: conv(1, 1), asked: 'int4', gets: 'fp16' },
  { what: 'one channel', facts: conv(1, 1), asked: 'int8', gets: 'fp16' },
  {
    what: 'one channel of LSTM',
    facts: { role: 'matrix', shape: [64, 1] },
    asked: 'int4',
    gets: 'fp16',
  },
  // Two: int4 12, but scales twice the codes; int8 16, as fp16.
  { what: 'two channels', facts: conv(2, 1), asked: 'int4', gets: 'fp16' },
  // Three: int4 scales 16 for 12 bits of codes; int8 24 of codes, 13.3 in all.
  { what: 'three channels', facts: conv(3, 1), asked: 'int4', gets: 'int8/channel' },
  { what: 'three channels', facts: conv(3, 1), asked: 'int8', gets: 'int8/channel' },
  { what: 'three channels and zero points', facts: conv(3, 1), asked: 'int8/asym', gets: 'fp16' },
  { what: 'four channels', facts: conv(4, 1), asked: 'int4', gets: 'int4/channel' },
  { what: 'four channels', facts: conv(4, 1), asked: 'int2', gets: 'int8/channel' },
  { what: 'nine values', facts: conv(1, 3), asked: 'int4', gets: 'int4/channel' },
  { what: 'a block of one of 37', facts: conv(37, 1), asked: 'int4/1', gets: 'int4/channel' },
  { what: 'one scale in all', facts: conv(1, 1), asked: 'int4/tensor', gets: 'int4/tensor' },
  // fp32 scales, as ONNX Runtime fuses linear int8: 32 bits for 24 of codes.
  { what: 'three inputs', facts: { shape: [64, 3] }, asked: 'int8', gets: 'fp16' },
  { what: 'five inputs', facts: { shape: [64, 5] }, asked: 'int8', gets: 'int8/channel' },
] as const)('$what asked to be $asked becomes $gets', ({ facts, asked, gets }) => {
  expect(precisionName(layerOf(planOf(facts, asked)).scheme)).toBe(gets)
})

test('the plan says why, in the layer and in a finding', () => {
  const plan = planOf(conv(1, 1), 'int4')
  const reason = 'scales would take more than the codes that they are for: fp16'
  expect(layerOf(plan).reasons.at(-1)).toBe(reason)
  expect(plan.findings).toEqual([
    expect.objectContaining({
      code: 'precision-adapted',
      message: expect.stringContaining(reason),
    }),
  ])
})

test('values that fp16 cannot hold are fp32', () => {
  const scan = { ...SOUND_SCAN, max: 1e5 }
  expect(layerOf(planOf({ ...conv(1, 1), scan }, 'int4')).scheme).toEqual({
    kind: 'float',
    dtype: 'float32',
  })
})

test('no integers take more room than fp16, whatever their shape', () => {
  const size = fc.integer({ min: 1, max: 70 })
  const kernel = fc.integer({ min: 1, max: 3 })
  const role = fc.constantFrom('conv', 'linear', 'embedding', 'matrix', 'tied-embedding')
  const names = ['int8', 'int4', 'int2', 'int4/1', 'int8/2/asym', 'int4/channel/asym', 'int2/asym']
  fc.assert(
    fc.property(role, fc.constantFrom(...names), size, size, kernel, (role, name, n, k, side) => {
      const shape = role === 'conv' ? [n, k, side, side] : [n, k]
      const { scheme, bytes } = layerOf(planOf({ role, shape }, name))
      const elements = shape.reduce((product, each) => product * each, 1)
      const total = bytes.codes + bytes.scales + bytes.zeroPoints
      if (scheme.kind === 'affine') expect(total).toBeLessThan(2 * elements)
      else expect(total).toBe(2 * elements)
    }),
    { numRuns: 500 },
  )
})
