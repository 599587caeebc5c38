import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ERROR_CODES } from '../src/base/error.ts'
import { configJsonSchema } from '../src/config/json-schema.ts'
import { mergeConfig } from '../src/config/merge-config.ts'
import { presets } from '../src/config/presets.ts'
import { parsePrecision } from '../src/scheme/precision.ts'

function page(name: string): string {
  return readFileSync(new URL(`../../../docs/${name}.md`, import.meta.url), 'utf8')
}

/** Rows of all tables of a page, as cells. */
function rows(text: string): readonly (readonly string[])[] {
  const lines = text.split('\n').filter((line) => line.startsWith('| '))
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

function codeIn(cell: string | undefined): string | undefined {
  return /^`([^`]+)`$/u.exec(cell ?? '')?.[1]
}

test('errors.md has one row for each error code, in the same order', () => {
  const codes = rows(page('errors')).map(([first]) => codeIn(first))
  expect(codes.filter((code) => code !== undefined)).toEqual([...ERROR_CODES])
})

test('every row of errors.md says when it happens and what to do', () => {
  for (const row of rows(page('errors')))
    expect(row.map((cell) => cell !== '')).toEqual([true, true, true])
})

test('every example of precision.md can be read', () => {
  const [, examples = ''] = page('precision').split('## Examples')
  const names = rows(examples).flatMap(([first]) => codeIn(first) ?? [])
  expect(names.length).toBeGreaterThan(10)
  for (const name of names) expect(() => parsePrecision(name)).not.toThrow()
})

test('the presets of config.md are those of the code', () => {
  const [, text = ''] = page('config').split('## Presets')
  const documented = rows(text)
    .slice(1)
    .map(([name, ...values]) => [codeIn(name), ...values])
  const actual = Object.entries(presets).map(([name, preset]) => [
    name,
    ...Object.values(preset.components),
    String(preset.samples),
    String(preset.maxDrop),
  ])
  expect(documented).toEqual(actual)
})

test('config.md explains every setting of the schema, and no other', () => {
  const documented = rows(page('config').split('## Who wins')[0] ?? '').flatMap(
    ([first]) => codeIn(first) ?? [],
  )
  expect(documented.toSorted()).toEqual(settingPaths(configJsonSchema()).toSorted())
})

test('the default precisions of config.md hold without any setting', () => {
  expect(mergeConfig({}, {}).components).toEqual(presets.balanced.components)
})

/** `calibration.samples`, `evaluation[].data`, ... of a JSON Schema. */
function settingPaths(schema: unknown, prefix = ''): readonly string[] {
  return Object.entries(field(schema, 'properties')).flatMap(([name, value]) => {
    if (name === '$schema') return []
    const path = `${prefix}${name}`
    const inner = Object.keys(field(value, 'properties')).length > 0
    const items = Object.keys(field(value, 'items')).length > 0
    if (items) return settingPaths(field(value, 'items'), `${path}[].`)
    return inner ? settingPaths(value, `${path}.`) : [path]
  })
}

function field(value: unknown, name: string): object {
  if (typeof value !== 'object' || value === null) return {}
  const found: unknown = Object.entries(value).find(([key]) => key === name)?.[1]
  return typeof found === 'object' && found !== null ? found : {}
}
