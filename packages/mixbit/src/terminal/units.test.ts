import { expect, test } from 'vitest'
import { formatBytes, formatCount, formatDuration, formatPercent, formatPoints } from './units.ts'

// By hand: MB is 10^6 bytes, three significant digits.
test.for([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.00 kB'],
  [999_499, '999 kB'],
  [999_500, '1.00 MB'],
  [8_760_000, '8.76 MB'],
  [9_994_999, '9.99 MB'],
  [9_995_000, '10.0 MB'],
  [99_949_999, '99.9 MB'],
  [99_950_000, '100 MB'],
  [412_000_000, '412 MB'],
  [1_240_000_000, '1.24 GB'],
  [1.24e15, '1240 TB'],
] as const)('%i bytes are %s', ([bytes, text]) => {
  expect(formatBytes(bytes)).toBe(text)
})

test.for([
  [-1, '0.0 s'],
  [0, '0.0 s'],
  [420, '0.4 s'],
  [9949, '9.9 s'],
  [9950, '10 s'],
  [59_499, '59 s'],
  [59_500, '1 min 00 s'],
  [200_000, '3 min 20 s'],
  [3_599_499, '59 min 59 s'],
  [3_600_000, '1 h 00 min'],
  [3_900_000, '1 h 05 min'],
] as const)('%i milliseconds are %s', ([milliseconds, text]) => {
  expect(formatDuration(milliseconds)).toBe(text)
})

test('counts have commas', () => {
  expect([0, 999, 1000, 1_240_000].map(formatCount)).toEqual(['0', '999', '1,000', '1,240,000'])
})

test('fractions are percent, and changes are points with their sign', () => {
  expect(formatPercent(0.98465)).toBe('98.47 %')
  expect([0.0033, -0.0033, 0, -0.00001].map(formatPoints)).toEqual([
    '+0.33',
    '-0.33',
    '0.00',
    '0.00',
  ])
})
