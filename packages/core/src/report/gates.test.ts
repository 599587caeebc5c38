import { describe, expect, test } from 'vitest'

import type { GatedSet } from './gates.ts'
import { gateFindings, gatesOf } from './gates.ts'

function set(before: number, after: number, change: Partial<GatedSet> = {}): GatedSet {
  return {
    name: 'val',
    limits: { maxDrop: 0.03, minRetained: 0.95 },
    before: { value: before },
    after: { value: after },
    ...change,
  }
}

const NO_BUDGET = { bytes: 1000, budget: null }

test.for([
  { what: 'nothing lost', before: 0.99, after: 0.99, drop: 'passed', retained: 'passed' },
  { what: 'something gained', before: 0.9, after: 0.95, drop: 'passed', retained: 'passed' },
  { what: 'less than the limit', before: 0.99, after: 0.97, drop: 'passed', retained: 'passed' },
  // 0.99 - 0.96 is 0.030000000000000027 in floating point.
  { what: 'exactly the limit', before: 0.99, after: 0.96, drop: 'passed', retained: 'passed' },
  { what: 'one of 10,000 more', before: 0.99, after: 0.9599, drop: 'failed', retained: 'passed' },
  { what: 'a tenth of little', before: 0.1, after: 0.09, drop: 'passed', retained: 'failed' },
  { what: 'exactly 95 % retained', before: 0.4, after: 0.38, drop: 'passed', retained: 'passed' },
  { what: 'all of it', before: 0.99, after: 0, drop: 'failed', retained: 'failed' },
])('$what: max-drop $drop, min-retained $retained', ({ before, after, drop, retained }) => {
  const gates = gatesOf([set(before, after)], NO_BUDGET)
  expect(gates.map(({ name, status }) => [name, status])).toEqual([
    ['max-drop', drop],
    ['min-retained', retained],
  ])
  expect(gates[0]?.measured).toBeCloseTo(before - after, 12)
  expect(gates[1]?.measured).toBeCloseTo(after / before, 12)
})

test('each gate says its limit and what was measured', () => {
  const [drop, retained] = gatesOf([set(0.99, 0.95)], NO_BUDGET)
  expect(drop?.text).toBe('Accuracy on val may fall by at most 3.00 points; it fell by 4.00.')
  expect(retained?.text).toBe('At least 95.0 % of the float accuracy on val must stay; 96.0 % did.')
})

test('with more than one set each gate names its own', () => {
  const sets = [set(0.9, 0.9), set(0.9, 0.1, { name: 'dark' })]
  expect(gatesOf(sets, NO_BUDGET).map(({ name, status }) => `${name} ${status}`)).toEqual([
    'max-drop:val passed',
    'min-retained:val passed',
    'max-drop:dark failed',
    'min-retained:dark failed',
  ])
})

describe('the size gate', () => {
  test.for([
    { bytes: 1000, budget: 1000, status: 'passed' },
    { bytes: 1001, budget: 1000, status: 'failed' },
  ])('$bytes of $budget bytes: $status', ({ bytes, budget, status }) => {
    expect(gatesOf([], { bytes, budget })).toEqual([
      expect.objectContaining({ name: 'size', status, limit: budget, measured: bytes }),
    ])
  })

  test('needs a budget', () => {
    expect(gatesOf([], NO_BUDGET)).toEqual([])
  })
})

describe('a float model without a right answer', () => {
  test('has nothing to retain: that gate is left out, and no number is NaN', () => {
    const gates = gatesOf([set(0, 0)], NO_BUDGET)
    expect(gates.map(({ name, measured }) => [name, measured])).toEqual([['max-drop', 0]])
  })

  test('is a finding', () => {
    const findings = gateFindings([set(0, 0, { name: 'dark' }), set(0.9, 0)])
    expect(findings.map(({ code, subject }) => [code, subject])).toEqual([
      ['float-accuracy-zero', 'dark'],
    ])
  })
})
