import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const fixtures = join(import.meta.dirname, '../../../fixtures')

// Golden numbers mean something only for the files they were computed on.
test('the fixtures are the files that SOURCES.md names', () => {
  const page = readFileSync(join(fixtures, 'SOURCES.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `([^`]+)` \| `([0-9a-f]{64})` \|$/gm)]
  const listed = rows.map(([, file = '', hash]) => [file, hash])
  expect(listed).toHaveLength(7)
  expect(listed.map(([file = '']) => [file, sha256(join(fixtures, file))])).toEqual(listed)
})

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
