import { expect, test } from 'vitest'
import { freshNamer } from './fresh-names.ts'

const numbered =
  (base: string) =>
  (number: number): string =>
    number === 0 ? base : `${base}_${number}`

test('names are the first that nothing has', () => {
  const fresh = freshNamer(new Set(['w', 'w_2']))
  expect([1, 2, 3].map(() => fresh('w', numbered('w')))).toEqual(['w_1', 'w_3', 'w_4'])
  expect(fresh('b', numbered('b'))).toBe('b')
  expect(fresh('b_1', numbered('b_1'))).toBe('b_1')
  expect(fresh('b', numbered('b'))).toBe('b_2')
})

test('many equal names take no longer than as many different ones', () => {
  const fresh = freshNamer(new Set())
  for (let i = 0; i < 100_000; i++) fresh('w', numbered('w'))
  expect(fresh('w', numbered('w'))).toBe('w_100000')
})
