import { MixbitError } from '@mixbit/core'
import { expect, test } from 'vitest'
import type { Command, CommandEntry } from '../src/cli/command.ts'
import { runCli } from '../src/cli/run-cli.ts'
import { verbs } from '../src/cli/verbs.ts'
import { memoryIo } from './memory-io.ts'

/** The real table of one verb, with a command of our own behind it. */
function table(run: Command['run'], name = 'audit'): readonly CommandEntry[] {
  return verbs
    .filter((verb) => verb.name === name)
    .map((verb) => Object.assign({ load: async () => ({ command: { run } }) }, verb))
}

const quiet: Command['run'] = async () => 0

test('a command gets its arguments and its exit code is the answer', async () => {
  const { io, stdout } = memoryIo()
  const commands = table(async (args, io) => {
    io.stdout.write(args.positionals.join(' '))
    return 1
  })
  expect(await runCli(['audit', 'model', '--quiet'], io, commands)).toBe(1)
  expect(stdout()).toBe('model')
})

test.for([[[]], [['--help']], [['-h']], [['help']]] as const)(
  '%j shows the help of the tool',
  async ([argv]) => {
    const { io, stdout, stderr } = memoryIo()
    expect(await runCli(argv, io, table(quiet))).toBe(0)
    expect(stdout()).toMatchInlineSnapshot(`
      "Makes a trained model small enough for a phone, and measures that it still works.

      Usage: mixbit <command> [<model>] [options]

      Commands:
        audit  Say what is in a model: components, weights, sizes, findings.

      Options:
        -h, --help  Show this help; after a command, that of the command.
        --version   Show the version.

      Exit codes: 0 done, 1 a gate failed, 2 bad input or usage, 70 a defect in
      Mixbit, 130 stopped.
      "
    `)
    expect(stderr()).toBe('')
  },
)

test.for([[['audit', '--help']], [['audit', 'a', 'b', 'c', '-h']], [['help', 'audit']]] as const)(
  '%j shows the help of the command',
  async ([argv]) => {
    const { io, stdout } = memoryIo()
    expect(await runCli(argv, io, table(quiet))).toBe(0)
    expect(stdout()).toMatch(/^Usage: mixbit audit \[<model>\] \[options\]\n/u)
  },
)

test('--version shows the version of the package', async () => {
  const { io, stdout } = memoryIo()
  expect(await runCli(['--version'], io, [])).toBe(0)
  expect(stdout()).toMatch(/^\d+\.\d+\.\d+\n$/u)
})

test.for([
  {
    argv: ['audti'],
    line: 'error unknown-command: There is no command "audti". Did you mean "audit"? See mixbit --help.',
  },
  {
    argv: ['--json', 'audit'],
    line: 'error usage: Put the command before its options: mixbit <command> --json.',
  },
  {
    argv: ['audit', '--qiet'],
    line: 'error unknown-option: audit has no option "--qiet". Did you mean "--quiet"? See mixbit audit --help.',
  },
  {
    argv: ['audit', '-x'],
    line: 'error unknown-option: audit has no option "-x". See mixbit audit --help.',
  },
  {
    argv: ['audit', 'a', 'b'],
    line: 'error usage: Unexpected argument "b". Usage: mixbit audit [<model>] [options]',
  },
  {
    argv: ['audit', '--quiet', '--verbose'],
    line: 'error usage: --quiet and --verbose exclude each other.',
  },
  {
    argv: ['audit', 'a\nerror fake: b', 'c\u001B[31m'],
    line: 'error usage: Unexpected argument "c\\u001b[31m". Usage: mixbit audit [<model>] [options]',
  },
])('$argv is refused with exit code 2 and one last line', async ({ argv, line }) => {
  const { io, stdout, stderr } = memoryIo()
  expect(await runCli(argv, io, table(quiet))).toBe(2)
  expect(stderr().trimEnd().split('\n').at(-1)).toBe(line)
  expect(stdout() !== '').toBe(argv.includes('--json'))
})

test('with --json a failure is one JSON object on stdout, and the line on stderr', async () => {
  const { io, stdout, stderr } = memoryIo()
  const commands = table(() =>
    Promise.reject(new MixbitError('truncated', 'Line one\nline two', { file: 'a', size: 3 })),
  )
  expect(await runCli(['audit', 'a', '--json'], io, commands)).toBe(2)
  expect(JSON.parse(stdout())).toEqual({
    error: { code: 'truncated', message: 'Line one\nline two', facts: { file: 'a', size: 3 } },
  })
  expect(stderr()).toBe('error truncated: Line one line two\n')
})

test('--verbose also tells the facts and the cause', async () => {
  const { io, stderr } = memoryIo()
  const cause = new Error('disk on fire')
  const commands = table(() =>
    Promise.reject(new MixbitError('not-readable', 'No.', { file: 'a' }, { cause })),
  )
  await runCli(['audit', 'a', '--verbose'], io, commands)
  expect(stderr()).toContain('  file: "a"\n')
  expect(stderr()).toContain('caused by: Error: disk on fire\n')
  expect(stderr().endsWith('\nerror not-readable: No.\n')).toBe(true)
})

test('a defect shows its stack and where to report it, and exits with 70', async () => {
  const { io, stdout, stderr } = memoryIo()
  const commands = table(() => Promise.reject(new TypeError('x is not a function')))
  expect(await runCli(['audit', 'a', '--json'], io, commands)).toBe(70)
  expect(stderr()).toMatch(/^TypeError: x is not a function\n +at /u)
  expect(stderr()).toContain('This is a defect in Mixbit')
  expect(stderr().endsWith('\nerror internal: x is not a function\n')).toBe(true)
  expect(JSON.parse(stdout())).toMatchObject({ error: { code: 'internal' } })
})

test('a command that is stopped puts its work away and exits with 130', async () => {
  const interruption = new AbortController()
  const { io, stderr } = memoryIo({ signal: interruption.signal })
  let cleaned = false
  const commands = table(
    (_args, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          cleaned = true
          reject(new Error('worker gone'))
        })
        interruption.abort()
      }),
  )
  expect(await runCli(['audit', 'a'], io, commands)).toBe(130)
  expect(cleaned).toBe(true)
  expect(stderr()).toBe('error cancelled: Stopped before the end.\n')
})

test('a command that does not listen is left after the grace time', async () => {
  const interruption = new AbortController()
  const { io } = memoryIo({ signal: interruption.signal })
  const commands = table(() => new Promise(() => interruption.abort()))
  expect(await runCli(['audit', 'a'], io, commands, 1)).toBe(130)
})

test('progress goes to stderr, the line is cleared before an error, and --quiet silences it', async () => {
  const commands = table((_args, { emit }) => {
    emit({ kind: 'stage', stage: 'read', detail: 'model' })
    return Promise.reject(new MixbitError('not-found', 'Gone.'))
  })
  const terminal = memoryIo({ isTTY: true, env: { NO_COLOR: '1' } })
  await runCli(['audit', 'a'], terminal.io, commands)
  expect(terminal.stderr()).toBe('› read               model\r\u001B[2Kerror not-found: Gone.\n')
  const silent = memoryIo()
  await runCli(['audit', 'a', '--quiet'], silent.io, commands)
  expect(silent.stderr()).toBe('error not-found: Gone.\n')
})

test('a result is not written behind a progress line that is still on the screen', async () => {
  const commands = table(async (_args, { emit, stdout }) => {
    emit({ kind: 'progress', stage: 'audit', done: 169, total: 169, unit: 'weights' })
    stdout.write('result\n')
    return 0
  })
  const screen: string[] = []
  const { io } = memoryIo({ isTTY: true, env: { NO_COLOR: '1' } })
  const write = (text: string): void => void screen.push(text)
  await runCli(
    ['audit', 'a'],
    { ...io, stdout: { ...io.stdout, write }, stderr: { ...io.stderr, write } },
    commands,
  )
  expect(screen.slice(1)).toEqual(['\r\u001B[2K', 'result\n'])
})

test('every verb has help that fits 80 columns', () => {
  for (const verb of verbs) {
    expect(verb.summary.length).toBeLessThanOrEqual(80)
  }
})
