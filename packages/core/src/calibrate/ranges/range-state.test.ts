import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyFloat } from '../../../test/kernel-values.ts'
import { ALL_SPECS, summaryOfBatches, UINT8 } from '../../../test/range-values.ts'
import { scalarKernels } from '../../kernels/scalar.ts'
import { loadSimdKernels } from '../../kernels/simd.ts'
import { calibrateRange } from './calibrate-range.ts'
import { rangeRules } from './range-rules.ts'
import type { RangeState } from './range-state.ts'
import {
  emptyRangeState,
  mergeRangeStates,
  observe,
  observeEnds,
  summaryOf,
  unite,
} from './range-state.ts'

const ORDERLESS = ['min-max', 'percentile', 'entropy', 'mse'] as const

const batchLists = fc.array(fc.array(anyFloat, { minLength: 1, maxLength: 20 }), {
  minLength: 1,
  maxLength: 6,
})

function stateOf(batches: readonly (readonly number[])[]): RangeState {
  const state = emptyRangeState()
  for (const batch of batches) observe(state, Float32Array.from(batch), scalarKernels)
  return state
}

test('every rule but the moving average gives the same range in any order and any batches', () => {
  fc.assert(
    fc.property(batchLists, fc.constantFrom(...ALL_SPECS), (batches, spec) => {
      const forward = summaryOfBatches(...batches)
      const backward = summaryOfBatches(batches.flat().toReversed())
      for (const rule of ORDERLESS) {
        expect(rangeRules[rule](backward, spec)).toStrictEqual(rangeRules[rule](forward, spec))
      }
    }),
    { numRuns: 30 },
  )
})

test('every range holds 0 and lies within the values, whatever they are', () => {
  fc.assert(
    fc.property(batchLists, fc.constantFrom(...ALL_SPECS), (batches, spec) => {
      const finite = batches.flat().filter(Number.isFinite)
      const low = Math.min(0, ...finite)
      const high = Math.max(0, ...finite)
      const summary = summaryOfBatches(...batches)
      for (const [name, rule] of Object.entries(rangeRules)) {
        const { min, max } = rule(summary, spec)
        const slack = name === 'moving-average' ? 1e-12 * (high - low) : 0
        expect(min >= low - slack && min <= 0 && max >= 0 && max <= high + slack).toBe(true)
      }
    }),
    { numRuns: 60 },
  )
})

test('workers merge to the state of one', () => {
  fc.assert(
    fc.property(batchLists, batchLists, (first, second) => {
      const merged = emptyRangeState()
      mergeRangeStates(merged, structuredClone(stateOf(first)))
      mergeRangeStates(merged, structuredClone(stateOf(second)))
      const whole = stateOf([...first, ...second])
      expect(merged.histogram).toStrictEqual(whole.histogram)
      expect(merged.moving?.batches).toBe(whole.moving?.batches)
      const largest = Math.max(
        0,
        ...[...first, ...second].flat().filter(Number.isFinite).map(Math.abs),
      )
      const difference = (merged.moving?.average.max ?? 0) - (whole.moving?.average.max ?? 0)
      expect(Math.abs(difference)).toBeLessThanOrEqual(1e-12 * largest)
    }),
    { numRuns: 30 },
  )
})

test('a batch without a finite value is not averaged, but counted', () => {
  const { histogram, moving } = stateOf([[NaN], [1, 3], [Infinity, NaN], []])
  expect(moving).toMatchObject({ batches: 1, average: { min: 1, max: 3 } })
  expect(histogram).toMatchObject({ finite: 2, notFinite: 3 })
})

test('memory does not grow with the values', () => {
  const state = emptyRangeState()
  const { counts } = state.histogram
  const kernels = loadSimdKernels()
  for (let batch = 0; batch < 20; batch++) {
    observe(
      state,
      Float32Array.from({ length: 5000 }, (_, i) => (i - 2500) * 3 ** batch),
      kernels,
    )
  }
  expect(state.histogram.counts).toBe(counts)
  expect(state.histogram.finite).toBe(100000)
})

test('ends alone give min-max and moving average, and no other rule', () => {
  const binned = stateOf([
    [1, -2],
    [5, 0],
  ])
  const ends = emptyRangeState()
  for (const batch of [
    [1, -2],
    [5, 0],
  ])
    observeEnds(ends, Float32Array.from(batch), scalarKernels)
  for (const rule of ['min-max', 'moving-average'] as const) {
    expect(rangeRules[rule](summaryOf(ends), UINT8)).toEqual(
      rangeRules[rule](summaryOf(binned), UINT8),
    )
  }
  for (const rule of ['percentile', 'entropy', 'mse'] as const) {
    expect(() => rangeRules[rule](summaryOf(ends), UINT8)).toThrow(TypeError)
  }
})

test('tied activations share the range of all their values', () => {
  const a = summaryOfBatches([-1, 2], [-3, 1])
  const b = summaryOfBatches([0, 9], [0, 5])
  const united = unite([a, b])
  expect(united.histogram).toStrictEqual(summaryOfBatches([-1, 2, 0, 9, -3, 1, 0, 5]).histogram)
  expect(united).toStrictEqual(unite([b, a]))
  // By hand: -1 + 0.01 * -2 of a, 9 + 0.01 * -4 of b.
  expect(united.moving?.min).toBeCloseTo(-1.02, 12)
  expect(united.moving?.max).toBeCloseTo(8.96, 12)
  expect(calibrateRange(united, UINT8, 'min-max').range).toEqual({ min: -3, max: 9 })
  expect(unite([]).moving).toBeNull()
})
