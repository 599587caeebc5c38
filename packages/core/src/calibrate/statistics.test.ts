import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'

import { weightFact } from '../../test/helpers/facts.ts'
import type { Hash } from '../base/host.ts'
import type { Statistics } from './statistics.ts'
import { importanceOf, readStatistics, statisticsHash } from './statistics.ts'

const STATISTICS: Statistics = {
  schema: 'mixbit/statistics@1',
  model: 'nano',
  data: 'cal.json',
  samples: 4,
  layers: {
    'decoder.a': { count: 8, meanSquare: [1, 4] },
    'decoder.conv': { count: 2, meanSquare: [0.5, 0, 2] },
  },
}

const WEIGHTS = [
  weightFact({ layer: 'decoder.a', shape: [6, 2] }),
  weightFact({ layer: 'decoder.conv', role: 'conv', shape: [6, 3, 3, 3] }),
  weightFact({ layer: 'decoder.dw', role: 'depthwise-conv', shape: [6, 1, 3, 3] }),
  weightFact({ layer: 'decoder.bias', role: 'vector', shape: [2] }),
]

const withLayers = (layers: Statistics['layers']): Statistics => ({ ...STATISTICS, layers })

function sha256(): Hash {
  const hash = createHash('sha256')
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') }
}

describe('reading', () => {
  test('gives back what was written', () => {
    expect(readStatistics(JSON.parse(JSON.stringify(STATISTICS)), 's.json')).toEqual(STATISTICS)
  })

  const layer = (change: object): unknown =>
    withLayers({ 'decoder.a': { count: 8, meanSquare: [1, 4], ...change } })

  test.for([
    {
      what: 'a newer schema',
      value: { ...STATISTICS, schema: 'mixbit/statistics@2' },
      code: 'unsupported-version',
    },
    { what: 'a list', value: [], code: 'statistics-mismatch' },
    {
      what: 'a negative square',
      value: layer({ meanSquare: [1, -1] }),
      code: 'statistics-mismatch',
    },
    {
      what: 'a square beyond fp32',
      value: layer({ meanSquare: [1e39] }),
      code: 'statistics-mismatch',
    },
    { what: 'text for a number', value: layer({ meanSquare: ['1'] }), code: 'statistics-mismatch' },
    { what: 'null for NaN', value: layer({ meanSquare: [null] }), code: 'statistics-mismatch' },
    { what: 'no channels', value: layer({ meanSquare: [] }), code: 'statistics-mismatch' },
    { what: 'no samples', value: { ...STATISTICS, samples: 0 }, code: 'statistics-mismatch' },
  ])('$what is $code', ({ value, code }) => {
    expect(() => readStatistics(value, 's.json')).toThrow(expect.objectContaining({ code }))
  })
})

describe('importance', () => {
  test('is the mean square of each input channel', () => {
    expect(importanceOf(STATISTICS, WEIGHTS)).toEqual(
      new Map([
        ['decoder.a', Float32Array.of(1, 4)],
        ['decoder.conv', Float32Array.of(0.5, 0, 2)],
      ]),
    )
  })

  test('stays in the range that kernels take', () => {
    const layers = { 'decoder.a': { count: 1, meanSquare: [1e-38, 1e38] } }
    const found = importanceOf(withLayers(layers), WEIGHTS).get('decoder.a')
    expect([...(found ?? [])]).toEqual([0, 2 ** 100])
  })

  test.for([
    {
      what: 'a layer that the model lacks',
      layers: { 'decoder.b': { count: 1, meanSquare: [1] } },
    },
    { what: 'other channels', layers: { 'decoder.a': { count: 1, meanSquare: [1, 2, 3] } } },
    { what: 'a vector', layers: { 'decoder.bias': { count: 1, meanSquare: [1, 2] } } },
    { what: 'no statistics for a linear layer', layers: {} },
  ])('of another model is refused: $what', ({ layers }) => {
    expect(() => importanceOf(withLayers(layers), WEIGHTS)).toThrow(
      expect.objectContaining({
        code: 'statistics-mismatch',
        message: expect.stringContaining('They are of "nano"'),
      }),
    )
  })
})

test('the hash is of what algorithms see: names of model and data do not count', () => {
  const hash = statisticsHash(STATISTICS, sha256())
  expect(hash).toMatch(/^[0-9a-f]{64}$/u)
  expect(statisticsHash({ ...STATISTICS, model: 'm', data: 'd', samples: 9 }, sha256())).toBe(hash)
  const other = withLayers({ 'decoder.a': { count: 8, meanSquare: [1, 5] } })
  expect(statisticsHash(other, sha256())).not.toBe(hash)
})
