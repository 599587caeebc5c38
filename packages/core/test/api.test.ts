import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as core from '../src/index.ts'

// The public names of core. After a wanted change: npm run golden, then read the diff.
test('the public names of core are those of the committed list', async () => {
  const names = [...valueNames(), ...typeNames()].toSorted()
  await expect(`${names.join('\n')}\n`).toMatchFileSnapshot('golden/api.txt')
})

function valueNames(): readonly string[] {
  return Object.keys(core)
}

/** `export type { A, B } from './x.ts'`, as index.ts writes every type. */
function typeNames(): readonly string[] {
  const index = readFileSync(join(import.meta.dirname, '../src/index.ts'), 'utf8')
  const lists = [...index.matchAll(/^export type \{([^}]*)\}/gm)].map(([, list = '']) => list)
  return lists
    .flatMap((list) => list.split(','))
    .flatMap((name) => (name.trim() === '' ? [] : [`type ${name.trim()}`]))
}
