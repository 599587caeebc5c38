import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { floors } from '../floors.ts'
import { jobs } from '../src/jobs.ts'

const root = join(import.meta.dirname, '../../..')
const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')

/** The names in code style in the first cell of each row of the table under `header`. */
function tableNames(header: string): readonly (readonly string[])[] {
  const [, after = ''] = page.split(`\n${header}\n`)
  const [table = ''] = after.split('\n\n')
  const cells = table.split('\n').flatMap((line) => line.split('|')[1] ?? [])
  return cells
    .map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
    .filter((names) => names.length > 0)
}

test('the floors of ARCHITECTURE.md are those of floors.ts, in the same order', () => {
  expect(tableNames('| floor | holds |')).toEqual(floors)
})

test('the pool jobs of ARCHITECTURE.md are those of the table', () => {
  const documented = tableNames('| job | does | one input is |').flat()
  expect(documented.toSorted()).toEqual(Object.keys(jobs).toSorted())
})
