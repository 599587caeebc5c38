import { expect, test } from 'vitest'

import { ALGORITHMS, PALETTE_RULES } from '../config/settings.ts'
import { paletteRule, scaleAlgorithm } from './algorithms.ts'

test.for(ALGORITHMS)('%s is for scales, not for tables', (name) => {
  expect(scaleAlgorithm('a', name)).toBe(name)
  expect(() => paletteRule('a', name)).toThrow(expect.objectContaining({ code: 'invalid-plan' }))
})

test.for(PALETTE_RULES)('%s is for tables, not for scales', (name) => {
  expect(paletteRule('a', name)).toBe(name)
  expect(() => scaleAlgorithm('a', name)).toThrow(expect.objectContaining({ code: 'invalid-plan' }))
})

test('the refusal names the layer and what fits it', () => {
  expect(() => scaleAlgorithm('decoder.a', 'kmeans')).toThrow(
    'The plan stores "decoder.a" with scales, and "kmeans" fills tables. Use round or mse for it.',
  )
})
