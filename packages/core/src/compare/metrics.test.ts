import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { addOutput, metricsOf, startMetrics, type OutputMetrics } from './metrics.ts'

type Sample = { x: number[]; y: number[]; shape?: number[] }

function compare(...samples: readonly Sample[]): OutputMetrics {
  const sums = startMetrics()
  for (const { x, y, shape = [x.length] } of samples) {
    addOutput(
      sums,
      { shape, values: Float32Array.from(x) },
      { shape, values: Float32Array.from(y) },
    )
  }
  return metricsOf(sums)
}

describe('metrics', () => {
  // By hand. 10 * log10(25 / 1) = 13.979400086720377; cos = (3*3 + 4*3) / (5 * sqrt(18)).
  test.for([
    {
      name: 'two values, one moved by 1',
      samples: [{ x: [3, 4], y: [3, 3] }],
      expected: {
        mse: 0.5,
        maxAbsError: 1,
        sqnrDb: 13.979400086720377,
        cosine: 0.989949493661,
        top1Agreement: 0,
      },
    },
    {
      name: 'nothing moved',
      samples: [{ x: [3, 4], y: [3, 4] }],
      expected: { mse: 0, maxAbsError: 0, sqnrDb: null, cosine: 1, top1Agreement: 1 },
    },
    {
      name: 'a tenth of the signal is 20 dB',
      samples: [{ x: [10, 0], y: [9, 0] }],
      expected: { mse: 0.5, maxAbsError: 1, sqnrDb: 20, cosine: 1, top1Agreement: 1 },
    },
    {
      name: 'all zero against something',
      samples: [{ x: [0, 0], y: [0, 2] }],
      expected: { mse: 2, maxAbsError: 2, sqnrDb: null, cosine: null, top1Agreement: 0 },
    },
    {
      name: 'opposite',
      samples: [{ x: [1, -1], y: [-1, 1] }],
      expected: {
        mse: 4,
        maxAbsError: 2,
        sqnrDb: -6.020599913279624,
        cosine: -1,
        top1Agreement: 0,
      },
    },
    {
      name: 'no values',
      samples: [{ x: [], y: [], shape: [0, 5] }],
      expected: {
        mse: null,
        maxAbsError: null,
        sqnrDb: null,
        cosine: null,
        top1Agreement: null,
        values: 0,
      },
    },
    {
      name: 'no samples',
      samples: [],
      expected: { mse: null, maxAbsError: null, sqnrDb: null, cosine: null, top1Agreement: null },
    },
    {
      name: 'a scalar has no winner',
      samples: [{ x: [2], y: [1], shape: [] }],
      expected: {
        mse: 1,
        maxAbsError: 1,
        sqnrDb: 6.020599913279624,
        cosine: 1,
        top1Agreement: null,
      },
    },
    {
      name: 'two samples count together',
      samples: [
        { x: [3, 4], y: [3, 3] },
        { x: [0, 1], y: [0, 1] },
      ],
      expected: {
        mse: 0.25,
        maxAbsError: 1,
        sqnrDb: 14.14973347970818,
        top1Agreement: 0.5,
        values: 4,
      },
    },
    {
      name: 'values that are not finite are left out',
      samples: [{ x: [3, Number.NaN, -Infinity], y: [2, 1, -Infinity] }],
      expected: { mse: 1, maxAbsError: 1, values: 1, notFinite: 2, top1Agreement: 1 },
    },
  ])('$name', ({ samples, expected }) => {
    const result = compare(...samples)
    for (const [name, value] of Object.entries(expected)) {
      const got = Object.entries(result).find(([key]) => key === name)?.[1]
      expect([name, typeof value === 'number' ? Number(got).toFixed(10) : got]).toEqual([
        name,
        typeof value === 'number' ? value.toFixed(10) : value,
      ])
    }
  })

  test.for([
    {
      name: 'each row of the last axis counts',
      x: [1, 2, 5, 4],
      y: [0, 9, 4, 5],
      shape: [2, 2],
      share: 0.5,
    },
    { name: 'of equal values the first wins', x: [2, 2, 1], y: [3, 1, 1], shape: [3], share: 1 },
    { name: 'NaN never wins', x: [Number.NaN, 1, 2], y: [0, 1, 2], shape: [3], share: 1 },
    {
      name: 'all NaN agrees with nothing',
      x: [Number.NaN, Number.NaN],
      y: [Number.NaN, Number.NaN],
      shape: [2],
      share: 0,
    },
    {
      name: 'minus infinity can win',
      x: [-Infinity, Number.NaN],
      y: [-1, -2],
      shape: [2],
      share: 1,
    },
  ])('top-1 agreement: $name', ({ x, y, shape, share }) => {
    expect(compare({ x, y, shape }).top1Agreement).toBe(share)
  })

  test('refuses outputs of different shapes', () => {
    const values = new Float32Array(6)
    expect(() =>
      addOutput(startMetrics(), { shape: [2, 3], values }, { shape: [3, 2], values }),
    ).toThrow(expect.objectContaining({ code: 'wrong-shape' }))
  })

  const floats = fc.array(fc.tuple(fc.float(), fc.float()), { maxLength: 40 })

  test('no number is ever NaN or infinite, whatever the values', () => {
    fc.assert(
      fc.property(floats, (pairs) => {
        const result = compare({ x: pairs.map(([x]) => x), y: pairs.map(([, y]) => y) })
        for (const value of Object.values(result)) {
          expect(value === null || Number.isFinite(value)).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('scaling both outputs by 2 changes neither sqnr nor cosine nor the winners', () => {
    const small = fc.array(
      fc.tuple(fc.integer({ min: -99, max: 99 }), fc.integer({ min: -99, max: 99 })),
    )
    fc.assert(
      fc.property(small, (pairs) => {
        const x = pairs.map(([value]) => value)
        const y = pairs.map(([, value]) => value)
        const once = compare({ x, y })
        const twice = compare({ x: x.map((v) => 2 * v), y: y.map((v) => 2 * v) })
        expect(twice).toEqual({
          ...once,
          mse: once.mse === null ? null : 4 * once.mse,
          maxAbsError: once.maxAbsError === null ? null : 2 * once.maxAbsError,
        })
      }),
    )
  })

  test('sample by sample gives what all at once gives', () => {
    const rows = fc.array(
      fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })),
      {
        minLength: 2,
        maxLength: 2,
      },
    )
    fc.assert(
      fc.property(fc.array(rows, { minLength: 1 }), (samples) => {
        const x = samples.map((row) => row.map(([value]) => value))
        const y = samples.map((row) => row.map(([, value]) => value))
        const apart = compare(...x.map((values, i) => ({ x: values, y: y[i] ?? [] })))
        expect(compare({ x: x.flat(), y: y.flat(), shape: [samples.length, 2] })).toEqual(apart)
      }),
    )
  })
})
