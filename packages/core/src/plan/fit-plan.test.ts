import { describe, expect, test } from 'vitest'

import { planRequest, SOUND_SCAN, weightFact } from '../../test/helpers/facts.ts'
import type { Scheme } from '../scheme/scheme.ts'
import { fitPlan } from './fit-plan.ts'
import type { LayerPlan, Plan } from './plan-types.ts'
import { makePlan } from './plan.ts'
import { readPlan } from './read-plan.ts'

const WEIGHTS = [
  weightFact({ layer: 'decoder.a', shape: [64, 128] }),
  weightFact({ layer: 'decoder.conv', role: 'conv', shape: [64, 32, 3, 3] }),
  weightFact({ layer: 'decoder.bias', role: 'vector', shape: [64] }),
  weightFact({ layer: 'text.table', component: 'text', role: 'tied-embedding', shape: [100, 64] }),
]

const PLAN = makePlan(WEIGHTS, planRequest({ precision: 'int4' }))

/** The plan as a person may have edited it: what `edit` says of each layer. */
function edited(edit: (layer: LayerPlan) => Partial<LayerPlan>): Plan {
  return { ...PLAN, layers: PLAN.layers.map((layer) => ({ ...layer, ...edit(layer) })) }
}

/** The plan with another scheme for one layer. */
function withScheme(name: string, scheme: Scheme): Plan {
  return edited((layer) => (layer.layer === name ? { scheme } : {}))
}

const affine = (scheme: Partial<Extract<Scheme, { kind: 'affine' }>>): Scheme => ({
  kind: 'affine',
  dtype: 'int8',
  symmetric: true,
  granularity: { kind: 'per-channel', axis: 0 },
  scaleDtype: 'float16',
  ...scheme,
})

const fit = (plan: Plan): Plan => fitPlan(plan, WEIGHTS, 'plan.json')

test('a plan that was written and read again is the same plan', () => {
  expect(fit(readPlan(JSON.parse(JSON.stringify(PLAN)), 'plan.json'))).toEqual(PLAN)
})

test('a form follows from the newest opset that the graph can have', () => {
  const byChannel = withScheme('decoder.conv', affine({ scaleDtype: 'float32' }))
  const forms = (limits: Readonly<Record<string, number>>): readonly string[] =>
    fitPlan(byChannel, WEIGHTS, 'plan.json', limits).layers.map(({ form }) => form)
  expect(forms({ text: 7 })[1]).toBe('DequantizeLinear')
  expect(forms({ decoder: 13 })[1]).toBe('DequantizeLinear')
  expect(forms({ decoder: 12 })[1]).toBe('com.microsoft.DequantizeLinear')
})

test('form and bytes follow from an edited scheme, whatever the file says of them', () => {
  const plan = fit({ ...withScheme('decoder.a', affine({})), bytes: 1 })
  const [layer] = plan.layers
  expect(layer).toMatchObject({
    form: 'DequantizeLinear',
    bytes: { codes: 64 * 128, scales: 64 * 2, zeroPoints: 0 },
  })
  const before = PLAN.layers[0]?.bytes
  // int4/32: half a byte a code, and 4 fp16 scales a row.
  expect(before).toEqual({ codes: 64 * 64, scales: 64 * 4 * 2, zeroPoints: 0 })
  expect(plan.bytes - PLAN.bytes).toBe(64 * 128 + 64 * 2 - (64 * 64 + 64 * 4 * 2))
})

test('what a weight is comes from the model, not from the file', () => {
  const plan = fit(edited(() => ({ role: 'embedding', component: 'elsewhere' })))
  expect(plan.layers.map(({ role, component }) => [role, component])).toEqual(
    WEIGHTS.map(({ role, component }) => [role, component]),
  )
})

test('layers come in the order of the model', () => {
  expect(fit({ ...PLAN, layers: PLAN.layers.toReversed() })).toEqual(PLAN)
})

describe('a plan that does not fit is refused', () => {
  const [first] = PLAN.layers
  const others = PLAN.layers.slice(1)
  const renamed = first === undefined ? [] : [{ ...first, layer: 'decoder.aa' }, ...PLAN.layers]
  const twice = first === undefined ? [] : [first, ...PLAN.layers]
  test.for([
    {
      what: 'a missing layer',
      plan: { ...PLAN, layers: others },
      says: 'nothing about "decoder.a"',
    },
    { what: 'a layer of another model', plan: { ...PLAN, layers: renamed }, says: '"decoder.aa"' },
    { what: 'a layer twice', plan: { ...PLAN, layers: twice }, says: '"decoder.a" twice' },
    { what: 'another shape', plan: edited(() => ({ shape: [64, 64] })), says: '[64, 64]' },
    { what: 'another rank', plan: edited(() => ({ shape: [64] })), says: '[64]' },
    {
      what: 'a kept weight, which only packages have',
      plan: edited(() => ({ kept: true })),
      says: 'Remove "kept"',
    },
  ])('$what', ({ plan, says }) => {
    expect(() => fit(plan)).toThrow(
      expect.objectContaining({ code: 'invalid-plan', message: expect.stringContaining(says) }),
    )
  })

  test.for([
    { layer: 'decoder.bias', what: 'integers for a vector', scheme: affine({}) },
    {
      layer: 'decoder.a',
      what: 'a channel axis that is none',
      scheme: affine({ granularity: { kind: 'per-channel', axis: 1 } }),
    },
    {
      layer: 'decoder.a',
      what: 'blocks along outputs',
      scheme: affine({ granularity: { kind: 'per-block', axis: 0, blockSize: 32 } }),
    },
    {
      layer: 'decoder.a',
      what: 'an axis out of range',
      scheme: affine({ granularity: { kind: 'per-block', axis: 7, blockSize: 32 } }),
    },
    {
      layer: 'decoder.a',
      what: 'a block that does not divide',
      scheme: affine({ granularity: { kind: 'per-block', axis: 1, blockSize: 48 } }),
    },
    {
      layer: 'decoder.conv',
      what: 'an absurd block',
      scheme: affine({ granularity: { kind: 'per-block', axis: 1, blockSize: 2 ** 50 } }),
    },
    { layer: 'decoder.a', what: '3 bits', scheme: affine({ dtype: 'int3' }) },
    { layer: 'text.table', what: 'a shared table by channel', scheme: affine({}) },
  ])('$what is an unsupported scheme', ({ layer, scheme }) => {
    expect(() => fit(withScheme(layer, scheme))).toThrow(
      expect.objectContaining({
        code: 'unsupported-scheme',
        message: expect.stringContaining(`"${layer}"`),
      }),
    )
  })

  test('values that fp16 cannot hold', () => {
    const plan = withScheme('decoder.a', { kind: 'float', dtype: 'float16' })
    const large = WEIGHTS.map((weight) => ({ ...weight, scan: { ...SOUND_SCAN, max: 1e5 } }))
    expect(() => fitPlan(plan, large, 'plan.json')).toThrow(
      expect.objectContaining({ code: 'unsupported-scheme' }),
    )
  })

  test('a model with NaN', () => {
    const broken = WEIGHTS.map((weight) => ({ ...weight, scan: { ...SOUND_SCAN, notFinite: 1 } }))
    expect(() => fitPlan(PLAN, broken, 'plan.json')).toThrow(
      expect.objectContaining({ code: 'not-finite' }),
    )
  })
})
