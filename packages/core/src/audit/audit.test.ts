import { describe, expect, test } from 'vitest'

import { SOUND_SCAN, weightFact } from '../../test/helpers/facts.ts'
import { graphOf } from '../../test/helpers/graphs.ts'
import { memoryHost } from '../../test/helpers/memory-host.ts'
import { float32Weight } from '../../test/helpers/weights.ts'
import type { Graph } from '../graph/graph.ts'
import type { WeightFacts } from './audit-types.ts'
import { auditOf } from './audit.ts'
import { scanWeights } from './scan.ts'
import { weightFacts } from './weights.ts'

const audit = (weights: readonly WeightFacts[]) =>
  auditOf({ format: 'safetensors', model: 'm', bytes: 1000, weights, findings: [] })

test('an audit sums weights up by component, in the order of the model', () => {
  const weights = [
    weightFact({ layer: 'b.x', component: 'b', shape: [4, 8] }),
    weightFact({ layer: 'a.x', component: 'a', shape: [2, 2], dtype: 'float32' }),
    weightFact({ layer: 'b.y', component: 'b', role: 'vector', shape: [4] }),
  ]
  const { parameters, components, bytes } = audit(weights)
  expect({ parameters, bytes }).toEqual({ parameters: 40, bytes: 1000 })
  expect(Object.entries(components)).toEqual([
    ['b', { parameters: 36, bytes: 72, layers: 2 }],
    ['a', { parameters: 4, bytes: 16, layers: 1 }],
  ])
})

test.for([
  { what: 'sound values', scan: {}, codes: [] },
  { what: 'a NaN', scan: { notFinite: 1 }, codes: ['not-finite'] },
  { what: 'only zeros', scan: { zeros: 4096, min: 0, max: 0 }, codes: ['all-zero'] },
  { what: 'a large value', scan: { min: -65505 }, codes: ['beyond-fp16'] },
  { what: 'the largest fp16', scan: { max: 65504 }, codes: [] },
])('$what gives the findings $codes', ({ scan, codes }) => {
  const { findings } = audit([weightFact({ scan: { ...SOUND_SCAN, ...scan } })])
  expect(findings.map(({ code }) => code)).toEqual(codes)
  for (const { subject } of findings) expect(subject).toBe('decoder.weight')
})

/** Scans one weight `w` of these values. */
async function scanned(values: readonly number[], shape: readonly number[]) {
  const graph: Graph = graphOf([['Add', 'x w', 'y']], { w: shape })
  const weight = float32Weight('w', shape, values)
  const weights = new Map([['w', { layer: 'model.w', component: 'model', weight }]])
  const graphs = [{ ...graph, weights }]
  const [facts] = await scanWeights(memoryHost(), graphs, weightFacts(graphs))
  return facts?.scan
}

describe('a scan', () => {
  test('finds range, mean and spread of the finite values, and counts the others', async () => {
    expect(await scanned([1, -3, NaN, Infinity, 0, 2], [2, 3])).toEqual({
      min: -3,
      max: 2,
      mean: 0,
      // sqrt((1 + 9 + 0 + 4) / 4)
      standardDeviation: Math.sqrt(3.5),
      notFinite: 2,
      zeros: 1,
      // The largest magnitudes of the two rows are 3 and 2.
      smallestGroup: 2,
    })
  })

  test('of nothing but NaN has no NaN in it', async () => {
    expect(await scanned([NaN, NaN], [2])).toEqual({
      min: 0,
      max: 0,
      mean: 0,
      standardDeviation: 0,
      notFinite: 2,
      zeros: 0,
      smallestGroup: null,
    })
  })

  test('joins chunks: a weight of more than 2^21 values is read in parts', async () => {
    const values = Array.from({ length: 1100 * 2048 }, (_, i) => (i === 1099 * 2048 ? 7 : 0.5))
    expect(await scanned(values, [1100, 2048])).toMatchObject({ max: 7, min: 0.5, zeros: 0 })
  })
})
