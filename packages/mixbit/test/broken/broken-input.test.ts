import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ERROR_CODES } from '@mixbit/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { commands } from '../../src/cli/commands.ts'
import type { runCli } from '../../src/cli/run-cli.ts'
import { nano, root } from '../built-mixbit.ts'
import { memoryIo } from '../memory-io.ts'
import { data } from './data.ts'
import { brokenData, brokenModel, json, tensors } from './kit.ts'
import type { BrokenInput, Json, Kit } from './kit.ts'
import { models } from './models.ts'
import { outputs } from './outputs.ts'

const folder = mkdtempSync(join(tmpdir(), 'mixbit-broken-'))
const written = join(folder, 'written')

/** The built command line in this process: its worker threads are plain JavaScript. */
type BuiltCli = { readonly runCli: typeof runCli; readonly commands: typeof commands }

async function builtCli(): Promise<BuiltCli> {
  const built = (name: string): string =>
    pathToFileURL(join(root, 'packages/mixbit/dist/cli', name)).href
  const run: Pick<BuiltCli, 'runCli'> = await import(built('run-cli.js'))
  const table: Pick<BuiltCli, 'commands'> = await import(built('commands.js'))
  return { runCli: run.runCli, commands: table.commands }
}

let cli: BuiltCli

beforeAll(async () => {
  cli = await builtCli()
  const { io, stderr } = memoryIo()
  const argv = ['quantize', nano, '--algorithm', 'round', '-o', written]
  const code = await cli.runCli(argv, io, cli.commands)
  if (code !== 0) throw new Error(stderr())
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

let cases = 0

describe.each([
  { what: 'checkpoints', rows: models },
  { what: 'data', rows: data },
  { what: 'packages, outputs and configs', rows: outputs },
])('broken $what', ({ rows }) => {
  test.for(rows)('$name gives $code', { timeout: 20_000 }, async (row) => {
    const own = join(folder, `case-${cases++}`)
    mkdirSync(own)
    const argv = argvOf(row, own)
    const before = filesBelow(own)

    const { io, stdout, stderr } = memoryIo()
    const exitCode = await cli.runCli([...argv, '--json'], io, cli.commands)

    const lastLine = stderr().trimEnd().split('\n').at(-1) ?? ''
    expect(lastLine).toMatch(new RegExp(`^error ${row.code}: `, 'u'))
    expect(exitCode).toBe(2)
    expect(JSON.parse(stdout())).toMatchObject({ error: { code: row.code } })
    expect(lastLine).toMatch(row.says ?? /./u)
    expect(lastLine.length).toBeLessThan(1000)
    expect(stderr()).not.toMatch(/^ +at /mu)
    if (row.isEarly) expect(stderr()).toBe(`${lastLine}\n`)
    expect(filesBelow(own)).toEqual(before)
    rmSync(own, { recursive: true })
  })
})

function filesBelow(path: string): readonly string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' }).toSorted((a, b) =>
    a < b ? -1 : 1,
  )
}

function argvOf(row: BrokenInput, own: string): readonly string[] {
  const argv = row.make({ folder: own, written })
  return argv.map((word, index) =>
    argv[index - 1] === '-o' && word === 'out' ? join(own, 'out') : word,
  )
}

describe('what can be worked around is a finding', () => {
  const jsonOf = async (argv: readonly string[]): Promise<Json> => {
    const { io, stdout, stderr } = memoryIo()
    expect(await cli.runCli([...argv, '--json'], io, cli.commands), stderr()).toBe(0)
    return JSON.parse(stdout())
  }
  const kit = (name: string): Kit => {
    mkdirSync(join(folder, name))
    return { folder: join(folder, name), written }
  }

  test('an annotation without its question is left out, and said', async () => {
    const change = json('val_questions.json', (value) => value.questions.pop())
    const data = brokenData(kit('annotation'), change)
    const evaluation = await jsonOf(['evaluate', written, '--data', data])
    expect(evaluation.samples).toBe(2)
    expect(evaluation.findings).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/without (?:its|a) question/u) }),
    ])
  })

  test('a weight with NaN is named by audit, which quantizes nothing', async () => {
    const name = 'model.layers.0.self_attn.q_proj.weight'
    const change = tensors(({ header, data }) => {
      data.writeUInt16LE(0x7e00, header[name].data_offsets[0])
    })
    const audit = await jsonOf(['audit', brokenModel(kit('nan'), change)])
    expect(audit.findings).toEqual([
      expect.objectContaining({
        code: 'not-finite',
        subject: 'decoder.layers.0.self_attn.q_proj.weight',
      }),
    ])
  })
})

test('every code of the corpus is documented, and the table has no case twice', () => {
  const all = [...models, ...data, ...outputs]
  const documented = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  for (const { code } of all) {
    expect(ERROR_CODES).toContain(code)
    expect(documented).toContain(`\`${code}\``)
  }
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
})
