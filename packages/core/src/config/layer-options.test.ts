import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { layerOptions } from './layer-options.ts'
import { matchesPattern } from './patterns.ts'

// By hand.
test.for<readonly [string, readonly string[], readonly string[]]>([
  ['--layer "m.a=int8"', ['m.a'], ['m.a', 'm.ab', 'm.b']],
  ['--layer "m.*_q=int8"', ['m.a_q', 'm.b_q'], ['m.a_q', 'm.b_q', 'm.c']],
  ['--layer "*=int8"', ['a', 'b'], ['a', 'b']],
  ['--layer "m.a_q=int8" --layer "m.b_q=int8"', ['m.a_q', 'm.b_q'], ['m.a_q', 'm.b_q', 'm.c_q']],
  ['--layer "aa*=int8"', ['aa', 'aaa'], ['aa', 'aaa', 'a', 'ba']],
  [
    '--layer "a1=int8" --layer "a2=int8" --layer "a3=int8" and 2 more like these',
    ['a1', 'a2', 'a3', 'a4', 'a5'],
    ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'],
  ],
])('%s', ([expected, names, all]) => {
  expect(layerOptions(names, 'int8', all)).toBe(expected)
})

test('options match what they are for, and nothing else', () => {
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 2, maxLength: 9 }), fc.nat(8), (all, cut) => {
      const names = all.slice(0, Math.min(3, 1 + (cut % all.length)))
      const text = layerOptions(names, 'int8', all)
      const patterns = [...text.matchAll(/"(.*?)=int8"/gu)].map(([, pattern = '']) => pattern)
      const matched = all.filter((each) => patterns.some((one) => matchesPattern(one, each)))
      expect(matched).toEqual(names)
    }),
  )
})
