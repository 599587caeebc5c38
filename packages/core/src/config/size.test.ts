import { expect, test } from 'vitest'
import { SIZE_PATTERN, parseSize } from './size.ts'

// By hand: kB, MB and GB are powers of 1000, KiB, MiB and GiB of 1024.
test.for([
  ['1', 1],
  ['500', 500],
  ['412MB', 412_000_000],
  ['412 mb', 412_000_000],
  ['3.2MB', 3_200_000],
  ['1.5kB', 1500],
  ['2GB', 2_000_000_000],
  ['1KiB', 1024],
  ['1.5MiB', 1_572_864],
  ['1GiB', 1_073_741_824],
  ['7B', 7],
] as const)('%s is %i bytes', ([text, bytes]) => {
  expect(parseSize(text)).toBe(bytes)
  expect(text).toMatch(new RegExp(SIZE_PATTERN, 'u'))
})

test.for([
  '',
  '0',
  '0MB',
  '-1',
  '1e9',
  'MB',
  '1 TB',
  '12  MB',
  '1,5MB',
  '0.5',
  '9'.repeat(400),
  '1constructor',
  'NaN',
  'Infinity',
  '1ib',
])('"%s" is refused as invalid-config', (text) => {
  expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'invalid-config' }))
})
