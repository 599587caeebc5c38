import { expect, test } from 'vitest'
import type { CommandEntry } from '../src/cli/command.ts'
import { runCli } from '../src/cli/run-cli.ts'
import { verbs } from '../src/cli/verbs.ts'
import { memoryIo } from './memory-io.ts'

const commands: readonly CommandEntry[] = verbs
  .filter(({ name }) => name === 'compare')
  .map((verb) => ({ ...verb, load: () => import('../src/cli/commands/compare.ts') }))

test.for([
  { argv: ['a.onnx'], says: 'compare needs <other>, or --options.' },
  {
    argv: ['a.onnx', 'b.onnx', '--samples', '3', '--data', 'd.json'],
    says: '--samples of compare goes with --options.',
  },
  {
    argv: ['a.onnx', 'b.onnx', '--sampling', 'diverse', '--data', 'd.json'],
    says: '--sampling of compare goes with --options.',
  },
  {
    argv: ['--options', 'a.onnx', 'b.onnx', '--data', 'd.json'],
    says: 'compare --options makes the models to compare itself: leave "b.onnx" out.',
  },
  {
    argv: ['--options', 'a.onnx', '--layers', '--data', 'd.json'],
    says: '--layers and --options exclude each other.',
  },
  { argv: ['--options', 'a.onnx'], says: 'mixbit compare needs --data.' },
])('compare $argv is refused', async ({ argv, says }) => {
  const { io, stderr } = memoryIo({ columns: 200 })
  expect(await runCli(['compare', ...argv], io, commands)).toBe(2)
  expect(stderr()).toContain(`error usage: ${says}`)
})

test('--sampling must be one of the two', async () => {
  const { io, stderr } = memoryIo({ columns: 200 })
  const argv = ['compare', '--options', 'a.onnx', '--sampling', 'random', '--data', 'd.json']
  expect(await runCli(argv, io, commands)).toBe(2)
  expect(stderr()).toContain('--sampling must be one of spread, diverse; found "random"')
})
