import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const packages = join(import.meta.dirname, '../..')

/** Text of every source of a package, tests left out. */
function sources(name: string): readonly string[] {
  const folder = join(packages, name, 'src')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => readFileSync(join(folder, path), 'utf8'))
}

/** Codes of findings: `code: 'x', severity: ...`, and `warn('x', ...)` of the dataset reader. */
function emittedCodes(text: string): readonly string[] {
  const patterns = [/code: '([a-z0-9-]+)',\s+severity: '/g, /\bwarn\(\s*'([a-z0-9-]+)'/g]
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, code = '']) => code))
}

test('docs/findings.md has one row for each code of a finding', () => {
  const emitted = new Set([...sources('core'), ...sources('mixbit')].flatMap(emittedCodes))
  const page = readFileSync(join(packages, '../docs/findings.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `([a-z0-9-]+)` \| (?:info|warning) \|/gm)]
  expect(emitted.size).toBeGreaterThan(10)
  expect(rows.map(([, code = '']) => code).toSorted()).toEqual([...emitted].toSorted())
})

test('every finding in the sources has its code written beside its severity', () => {
  const severities = [...sources('core'), ...sources('mixbit')].flatMap((text) => [
    ...text.matchAll(/(.{0,80})(?<!readonly )severity: '(?:info|warning)'/gs),
  ])
  const strays = severities.filter(
    ([, before = '']) => !/\bcode(?:: '[a-z0-9-]+')?,\s+$/.test(before),
  )
  expect(severities.length).toBeGreaterThan(8)
  expect(strays.map(([all]) => all)).toEqual([])
})
