import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededWeights, weightFloat } from '../../../test/kernel-values.ts'
import { distinctValues, mergeDistinct, noDistinctValues } from '../../kernels/distinct-values.ts'
import { keyExponent } from '../../kernels/half-keys.ts'
import { maskBelow } from '../../kernels/prune.ts'
import { scalarKernels } from '../../kernels/scalar.ts'
import { loadSimdKernels } from '../../kernels/simd.ts'
import { pruneMask, type PruneSpec } from './prune-mask.ts'
import { pruneScores } from './prune-scores.ts'
import { pruneThreshold, scoreBin, scoresInBin, thresholds } from './prune-threshold.ts'

const simdKernels = loadSimdKernels()

const HALF: PruneSpec = {
  shape: [2, 4],
  outputAxis: 0,
  inputAxis: 1,
  pattern: { kind: 'fraction', zeros: 0.5 },
}

// By hand.
test.for<readonly [string, readonly number[], PruneSpec, readonly number[]]>([
  ['half of the values', [1, -5, 2, 7, -3, 4, 8, 0], HALF, [0, 1, 0, 1, 0, 1, 1, 0]],
  ['of equal magnitudes the first', [2, -2, 2, 2, -2, 2, 2, 2], HALF, [0, 0, 0, 0, 1, 1, 1, 1]],
  ['zeros are never stored', [0, 0, 0, 0, 0, 0, 1, 2], HALF, [0, 0, 0, 0, 0, 0, 1, 1]],
  ['what is not finite stays', [NaN, Infinity, 1, 2, 3, 4, 5, 6], HALF, [1, 1, 0, 0, 0, 0, 1, 1]],
  [
    'a third is rounded to whole values',
    [1, 2, 3, 4, 5, 6, 7, 8],
    { ...HALF, pattern: { kind: 'fraction', zeros: 1 / 3 } },
    [0, 0, 0, 1, 1, 1, 1, 1],
  ],
  ['none', [1, 0], { ...HALF, shape: [1, 2], pattern: { kind: 'fraction', zeros: 0 } }, [1, 0]],
  ['all', [1, 3], { ...HALF, shape: [1, 2], pattern: { kind: 'fraction', zeros: 1 } }, [0, 0]],
  [
    'magnitudes up to a threshold',
    [1, -1, 1.5, 0.5, -2, 0, 1, -0.5],
    { ...HALF, pattern: { kind: 'threshold', magnitude: 1 } },
    [0, 0, 1, 0, 1, 0, 0, 0],
  ],
  [
    // Runs of outputs (0, 1), (2) at each of two inputs: roots 5, 13, 6 and 1.
    'runs of output channels, the last one shorter',
    [3, 5, -4, 12, 6, 1],
    { ...HALF, shape: [3, 2], pattern: { kind: 'structured', zeros: 0.5, size: 2 } },
    [0, 1, 0, 1, 1, 0],
  ],
  [
    // Roots of 4.5e38, 4.8e38, 4.2e38 and 1: all but the last are beyond float32.
    'runs of values whose root is beyond float32',
    [3.2e38, 3.4e38, 3e38, 1, -3.2e38, 3.4e38, 3e38, 0],
    { ...HALF, pattern: { kind: 'structured', zeros: 0.75, size: 2 } },
    [0, 1, 0, 0, 0, 1, 0, 0],
  ],
  [
    // The same with the outputs on the last axis.
    'runs on another axis',
    [3, -4, 6, 5, 12, 1],
    {
      ...HALF,
      shape: [2, 3],
      outputAxis: 1,
      pattern: { kind: 'structured', zeros: 0.5, size: 2 },
    },
    [0, 0, 1, 1, 1, 0],
  ],
  [
    'two of four input channels, and of the two that are left both',
    [1, 2, 3, 4, 6, 5, -9, 8, 7, 1, 1, 1],
    { ...HALF, shape: [2, 6], pattern: { kind: 'n-of-m', n: 2, m: 4 } },
    [0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1],
  ],
  [
    // coremltools: each position of a kernel has groups of its own.
    'input channels at each position of a kernel',
    [1, 8, 2, 7, 3, 6, 4, 5],
    { ...HALF, shape: [1, 4, 2], pattern: { kind: 'n-of-m', n: 1, m: 4 } },
    [0, 1, 0, 0, 0, 0, 1, 0],
  ],
  [
    'input channels on the first axis',
    [1, 9, 2, 8, 3, 7, 4, 6],
    {
      ...HALF,
      shape: [4, 2],
      outputAxis: 1,
      inputAxis: 0,
      pattern: { kind: 'n-of-m', n: 1, m: 2 },
    },
    [0, 1, 1, 0, 0, 1, 1, 0],
  ],
])('%s', ([, values, spec, mask]) => {
  for (const kernels of [scalarKernels, simdKernels]) {
    expect([...pruneMask(kernels, Float32Array.from(values), spec)]).toEqual(mask)
  }
})

describe('a fraction', () => {
  test('makes exactly so many values zero, and none that is larger than one that stays', () => {
    const values = fc.array(fc.oneof(weightFloat, fc.constantFrom(1, -1, 1e-30)), { minLength: 1 })
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (list, zeros) => {
        const x = Float32Array.from(list)
        const spec: PruneSpec = { ...HALF, shape: [x.length], pattern: { kind: 'fraction', zeros } }
        const mask = pruneMask(simdKernels, x, spec)
        const dropped = Math.round(zeros * x.length)
        const own = x.filter((value) => value === 0).length
        expect(mask.filter((bit) => bit === 0)).toHaveLength(Math.max(dropped, own))
        const largest = Math.max(0, ...x.filter((_, i) => mask[i] === 0).map(Math.abs))
        const smallest = Math.min(Infinity, ...x.filter((_, i) => mask[i] === 1).map(Math.abs))
        expect(largest).toBeLessThanOrEqual(smallest)
      }),
    )
  })

  test('tells float32 values apart that are one half', () => {
    const x = Float32Array.from({ length: 1000 }, (_, i) => 1 + ((i * 617) % 1000) * 2 ** -23)
    const spec: PruneSpec = { ...HALF, shape: [1000], pattern: { kind: 'fraction', zeros: 0.37 } }
    const mask = pruneMask(simdKernels, x, spec)
    expect(
      Array.from(x, (value, i) => (value < 1 + 370 * 2 ** -23 ? 0 : 1) === mask[i]),
    ).not.toContain(false)
  })

  test('of a tensor in parts is that of the whole', () => {
    const x = seededWeights(5000, 8).map((value) => Math.round(value * 400) / 400)
    const parts = [x.subarray(0, 1700), x.subarray(1700, 1800), x.subarray(1800)]
    const spec = (length: number): PruneSpec => ({ ...HALF, shape: [length] })
    const whole = pruneMask(simdKernels, x, spec(5000))
    const scores = parts.map((part) => pruneScores(part, spec(part.length)))
    const exponent = keyExponent(Math.max(...x.map(Math.abs)))
    const merged = scores
      .map((part) => distinctValues(part, exponent, undefined))
      .reduce(mergeDistinct, noDistinctValues(exponent))
    const bin = scoreBin(merged, 2500)
    const found = thresholds(
      bin,
      scores.map((part) => scoresInBin(part, bin)),
    )
    const masks = parts.map((part, i) => {
      const threshold = found[i] ?? { score: 0, equal: 0 }
      return [...pruneMask(simdKernels, part, { ...spec(part.length), threshold })]
    })
    expect(masks.flat()).toEqual([...whole])
  })

  test('more zeros than there are finite values is all of them', () => {
    const scores = Float32Array.of(1, NaN, 2)
    const mask = new Uint8Array(3).fill(1)
    maskBelow(mask, scores, pruneThreshold(simdKernels, scores, 3))
    expect([...mask]).toEqual([0, 1, 0])
    expect(pruneThreshold(simdKernels, new Float32Array(0), 0)).toEqual({ score: 0, equal: 0 })
  })

  test.for([-0.1, 1.5, NaN])('of %d is refused', (zeros) => {
    const spec: PruneSpec = { ...HALF, pattern: { kind: 'fraction', zeros } }
    expect(() => pruneMask(simdKernels, new Float32Array(8), spec)).toThrow(
      expect.objectContaining({ code: 'unsupported-scheme' }),
    )
  })
})

test('no more than n of each m input channels are stored, and they are the largest', () => {
  const sizes = fc.record({
    outputs: fc.integer({ min: 1, max: 3 }),
    inputs: fc.integer({ min: 1, max: 9 }),
    m: fc.integer({ min: 1, max: 5 }),
    n: fc.integer({ min: 0, max: 5 }),
  })
  fc.assert(
    fc.property(sizes, fc.infiniteStream(weightFloat), ({ outputs, inputs, m, n }, stream) => {
      const x = Float32Array.from({ length: outputs * inputs }, () => stream.next().value)
      const pattern = { kind: 'n-of-m', n: Math.min(n, m), m } as const
      const mask = pruneMask(simdKernels, x, { ...HALF, shape: [outputs, inputs], pattern })
      for (let row = 0; row < outputs; row++) {
        for (let first = 0; first < inputs; first += m) {
          const start = row * inputs + first
          const end = row * inputs + Math.min(inputs, first + m)
          const kept = x.slice(start, end).filter((_, i) => mask[start + i] === 1)
          const gone = x.slice(start, end).filter((_, i) => mask[start + i] === 0)
          const wanted = Math.min(pattern.n, x.slice(start, end).filter((v) => v !== 0).length)
          expect(kept).toHaveLength(wanted)
          if (kept.length === 0 || gone.length === 0) continue
          expect(Math.min(...kept.map(Math.abs))).toBeGreaterThanOrEqual(
            Math.max(...gone.map(Math.abs)),
          )
        }
      }
    }),
  )
})
