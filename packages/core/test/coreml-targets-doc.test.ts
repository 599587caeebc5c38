import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makePlan } from '../src/plan/plan.ts'
import { precisionName } from '../src/scheme/precision.ts'
import { STORED_RULES } from '../src/targets/coreml-devices.ts'
import { PROGRAM_RULES } from '../src/targets/coreml-program-rules.ts'
import { packageFact, packageRequest } from './helpers/package-facts.ts'

const page = readFileSync(new URL('../../../docs/coreml-targets.md', import.meta.url), 'utf8')

/** Rows of the table below a heading, as cells. */
function rowsBelow(heading: string): readonly (readonly string[])[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const lines = section.split('\n').filter((line) => line.startsWith('| '))
  const cells = lines.map((line) =>
    line.split(' | ').map((cell) => cell.replace(/^\| | \|$/gu, '')),
  )
  return cells.slice(1)
}

const links = (sources: readonly string[]): string =>
  sources.map((source, at) => `[${at + 1}](${source})`).join(' ')

test('the page has one row for each rule about stored weights, in their order', () => {
  expect(rowsBelow('Compute units')).toEqual(
    STORED_RULES.map(({ unit, what, verdict, text, sources }) => [
      `\`${unit}\``,
      what,
      verdict,
      text,
      links(sources),
    ]),
  )
})

test('the page has one row for each rule about programs', () => {
  expect(rowsBelow('Whole programs')).toEqual(
    Object.values(PROGRAM_RULES).map(({ units, verdict, text, finding, sources }) => [
      units.map((unit) => `\`${unit}\``).join(' '),
      verdict,
      text,
      `\`${finding.code}\``,
      links(sources),
    ]),
  )
})

test('every example of a next best form is what the plan gives to a weight of 512 x 512', () => {
  const rows = rowsBelow('What each system stores')
  expect(rows.length).toBeGreaterThan(15)
  for (const [asked = '', older, newer] of rows) {
    const precision = asked.replaceAll('`', '')
    const given = (target: 'coreml-ios17' | 'coreml-ios18'): string => {
      const request = packageRequest({ precision, target })
      const [layer] = makePlan([packageFact({ shape: [512, 512] })], request).layers
      return layer === undefined ? '' : `\`${precisionName(layer.scheme)}\``
    }
    expect([asked, given('coreml-ios17'), given('coreml-ios18')]).toEqual([asked, older, newer])
  }
})
