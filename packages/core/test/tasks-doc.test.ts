import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DATASET_KINDS, parseDescriptor } from '../src/tasks/descriptor.ts'
import { HEADS, HEAD_DEFAULTS } from '../src/tasks/detection/heads.ts'
import { SCORING_METRICS } from '../src/tasks/vqa/scoring.ts'

const page = readFileSync(new URL('../../../docs/tasks.md', import.meta.url), 'utf8')

/** The examples: every JSON block of the page. */
const examples = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text = '']): unknown =>
  JSON.parse(text),
)

/** Rows of all tables of the page, as cells. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

function kindOf(descriptor: unknown): string {
  return parseDescriptor(descriptor, 'tasks.md').kind
}

test('every example of tasks.md is a descriptor, and every kind but vqav2 has one', () => {
  const shown = examples.map(kindOf)
  // vqa.md has the example of vqav2.
  expect([...shown, 'vqav2'].toSorted()).toEqual([...DATASET_KINDS].toSorted())
})

test('the first table of tasks.md has every kind once', () => {
  const [table = ''] = page.split('The same descriptors serve')
  const kinds = [...table.matchAll(/^\| \[`([a-z0-9-]+)`\]/gm)].map(([, kind = '']) => kind)
  expect(kinds.toSorted()).toEqual([...DATASET_KINDS].toSorted())
})

test('metrics of questions are named as the code names them', () => {
  for (const metric of Object.values(SCORING_METRICS)) expect(page).toContain(`\`${metric}\``)
})

test('the heads of tasks.md and their settings are those of the code', () => {
  const documented = rows
    .filter(([name = '']) => HEADS.some((head) => name === `\`${head}\``))
    .map(([name = '', , confidence, iou]) => [name.replaceAll('`', ''), confidence, iou])
  expect(documented).toEqual(
    HEADS.map((head) => [
      head,
      String(HEAD_DEFAULTS[head].confidence),
      String(HEAD_DEFAULTS[head].iou ?? ''),
    ]),
  )
  expect(Object.values(HEAD_DEFAULTS).map(({ mostFound }) => mostFound)).toEqual(
    HEADS.map(() => 300),
  )
})
