import { expect, test } from 'vitest'
import { askedColumns } from '../src/cli/columns.ts'
import { layoutFor } from '../src/cli/layout.ts'
import { parseCommandArgs } from '../src/cli/parse-args.ts'
import { commands } from '../src/cli/commands.ts'
import { memoryIo } from './memory-io.ts'

test.for([
  { env: { COLUMNS: '60' }, columns: 60 },
  { env: { COLUMNS: '0' }, columns: null },
  { env: { COLUMNS: '-80' }, columns: null },
  { env: { COLUMNS: 'wide' }, columns: null },
  { env: { COLUMNS: '99999999999' }, columns: null },
  { env: {}, columns: null },
])('the width that is asked for in %j', ({ env, columns }) => {
  expect(askedColumns(env)).toBe(columns)
})

test.for([
  { isTTY: true, env: {}, tables: 'fitted' },
  { isTTY: false, env: {}, tables: 'whole' },
  { isTTY: false, env: { COLUMNS: '60' }, tables: 'fitted' },
] as const)('tables on %j', async ({ isTTY, env, tables }) => {
  const command = commands.find(({ name }) => name === 'audit')
  if (command === undefined) throw new Error('audit')
  const args = await parseCommandArgs(command, ['m.mlpackage'])
  const { io } = memoryIo({ isTTY, env })
  expect(layoutFor(args, { ...io, emit: () => {} }).tables).toBe(tables)
})
