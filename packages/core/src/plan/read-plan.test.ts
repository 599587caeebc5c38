import { expect, test } from 'vitest'

import { planRequest, weightFact } from '../../test/helpers/facts.ts'
import { makePlan } from './plan.ts'
import { readPlan } from './read-plan.ts'

const PLAN = makePlan([weightFact()], planRequest({ precision: 'int4' }))
const [LAYER] = PLAN.layers

const withLayer = (change: object): unknown => ({ ...PLAN, layers: [{ ...LAYER, ...change }] })
const withScheme = (change: object): unknown =>
  withLayer({ scheme: { ...LAYER?.scheme, ...change } })

test('findings keep what they are about', () => {
  const findings = [{ code: 'x', severity: 'info', message: 'y', subject: 'decoder.a' }]
  expect(readPlan({ ...PLAN, findings }, 'plan.json').findings).toEqual(findings)
})

test('a newer schema is told from a broken file', () => {
  expect(() => readPlan({ ...PLAN, schema: 'mixbit/plan@2' }, 'plan.json')).toThrow(
    expect.objectContaining({ code: 'unsupported-version' }),
  )
})

test.for([
  { what: 'no plan', value: null, key: 'plan.json' },
  { what: 'another schema', value: { ...PLAN, schema: 'other' }, key: 'schema' },
  { what: 'a list of layers that is none', value: { ...PLAN, layers: 3 }, key: 'layers' },
  { what: 'an unknown key', value: { ...PLAN, extra: 1 }, key: 'extra' },
  { what: 'an unknown target', value: { ...PLAN, target: 'toaster' }, key: 'target' },
  { what: 'an unknown algorithm', value: withLayer({ algorithm: 'luck' }), key: 'algorithm' },
  { what: 'a palette', value: withScheme({ kind: 'palette' }), key: 'scheme' },
  { what: 'an unknown integer', value: withScheme({ dtype: 'int5' }), key: 'dtype' },
  {
    what: 'a block of no channels',
    value: withScheme({ granularity: { kind: 'per-block', axis: 1, blockSize: 0 } }),
    key: 'blockSize',
  },
  {
    what: 'a block of half a channel',
    value: withScheme({ granularity: { kind: 'per-block', axis: 1, blockSize: 0.5 } }),
    key: 'blockSize',
  },
  {
    what: 'a negative axis',
    value: withScheme({ granularity: { kind: 'per-channel', axis: -1 } }),
    key: 'axis',
  },
  { what: 'a shape of text', value: withLayer({ shape: ['64'] }), key: 'shape' },
])('$what is an invalid plan, and the message names the place', ({ value, key }) => {
  expect(() => readPlan(value, 'plan.json')).toThrow(
    expect.objectContaining({ code: 'invalid-plan', message: expect.stringContaining(key) }),
  )
})
