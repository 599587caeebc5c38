import fc from 'fast-check'
import { expect, test } from 'vitest'
import { weightFloat } from '../../../test/kernel-values.ts'
import { distinctValues } from '../../kernels/distinct-values.ts'
import { scalarKernels } from '../../kernels/scalar.ts'
import { roundToHalf } from '../../tensor/float16.ts'
import { paletteTable, type TableSpec } from './palette-table.ts'

const KMEANS: TableSpec = { bits: 1, rule: 'kmeans', dtype: 'float32' }

const UNIFORM: TableSpec = { ...KMEANS, rule: 'uniform' }

/** Of float32 at 1. */
const ULP = 2 ** -23

// By hand.
test.for<readonly [string, readonly number[], TableSpec, readonly number[] | null]>([
  ['the means of two heaps', [1, 2, 9, 10, 11], KMEANS, [1.5, 10]],
  ['equal values count each', [0, 0, 0, 8, 100], KMEANS, [2, 100]],
  ['entries rounded to halves', [1, 1 + 2 ** -10, 5], { ...KMEANS, dtype: 'float16' }, [1, 5]],
  ['few values, and the last repeated', [3, -1, 3], { ...KMEANS, bits: 2 }, [-1, 3, 3, 3]],
  ['no values', [NaN], KMEANS, [0, 0]],
  ['ends that are no halves', [-1, -1 + ULP, 1, 1 + ULP], UNIFORM, [-1, 1 + ULP]],
  ['equal steps', [-1, 0.25, 2], { ...KMEANS, bits: 2, rule: 'uniform' }, [-1, 0, 1, 2]],
  ['steps between equal ends', [2, 2], { ...KMEANS, rule: 'uniform' }, [2, 2]],
  ['no steps', [], { ...KMEANS, rule: 'uniform' }, [0, 0]],
  ['the values', [4, -0.5, 4], { ...KMEANS, rule: 'unique' }, [-0.5, 4]],
  ['too many values', [4, -0.5, 3], { ...KMEANS, rule: 'unique' }, null],
])('%s', ([, values, spec, table]) => {
  const distinct = distinctValues(Float32Array.from(values), 0, undefined)
  const found = paletteTable(scalarKernels, distinct, spec)
  expect(found === null ? null : [...found]).toEqual(table)
})

test('the squared error is not above that of any way to cut the values into clusters', () => {
  const lists = fc.array(weightFloat.map(roundToHalf), { minLength: 1, maxLength: 9 })
  fc.assert(
    fc.property(lists, fc.constantFrom(1, 2), (list, bits) => {
      const values = list.toSorted((a, b) => a - b)
      const distinct = distinctValues(Float32Array.from(values), 0, undefined)
      const table = paletteTable(scalarKernels, distinct, { ...KMEANS, bits }) ?? []
      const error = values.reduce((sum, value) => {
        return sum + Math.min(...Array.from(table, (entry) => (value - entry) ** 2))
      }, 0)
      expect(error).toBeLessThanOrEqual(leastError(values, 2 ** bits) * (1 + 1e-6) + 1e-12)
    }),
  )
})

test('weights move a mean', () => {
  const x = Float32Array.of(0, 1, 10)
  const distinct = distinctValues(x, 0, Float32Array.of(1, 3, 1))
  expect([...(paletteTable(scalarKernels, distinct, KMEANS) ?? [])]).toEqual([0.75, 10])
})

/** Over all ways to cut sorted values into runs, each replaced by its mean. */
function leastError(values: readonly number[], clusters: number): number {
  if (values.length === 0) return 0
  let least = Infinity
  for (let end = 1; end <= values.length; end++) {
    if (clusters === 1 && end < values.length) continue
    const own = values.slice(0, end)
    const mean = own.reduce((sum, value) => sum + value, 0) / own.length
    const error = own.reduce((sum, value) => sum + (value - mean) ** 2, 0)
    least = Math.min(least, error + leastError(values.slice(end), clusters - 1))
  }
  return least
}
