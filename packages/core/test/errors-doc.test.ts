import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ERROR_CODES } from '../src/base/error.ts'

test('docs/errors.md has one row for each error code, in the same order', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code)
  expect(rows).toEqual([...ERROR_CODES])
})
