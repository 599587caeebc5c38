import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const folder = mkdtempSync(join(tmpdir(), 'mixbit-pack-'))
const home = join(folder, 'home')
const manifest = join(home, 'node_modules/mixbit/package.json')

type Run = { readonly status: number | null; readonly stdout: string; readonly stderr: string }

beforeAll(() => {
  mkdirSync(home)
  succeed('node', ['scripts/build.mjs'], root)
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe('the packages as npm packs them', () => {
  test.for(['core', 'studio', 'mixbit'])(
    '%s holds its build, its licence and a page, and no source or test',
    (name) => {
      const packed = npm(['pack', '--dry-run', '--json', '-w', `packages/${name}`], root)
      const [{ files }]: [{ files: { path: string }[] }] = JSON.parse(packed.stdout)
      const paths = files.map(({ path }) => path)
      expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']))
      expect(paths.some((path) => path.startsWith('dist/'))).toBe(true)
      expect(paths.filter((path) => /^src\/|\.test\.|^test\//.test(path))).toEqual([])
    },
  )

  test('install in an empty folder and show their help', () => {
    const packages = ['core', 'studio', 'mixbit'].flatMap((name) => ['-w', `packages/${name}`])
    npm(['pack', '--pack-destination', folder, ...packages], root)
    const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
    writeFileSync(join(home, 'package.json'), '{"private": true}\n')
    npm(['install', '--prefer-offline', ...tarballs.map((name) => join(folder, name))], home)

    expect(tarballs).toHaveLength(3)
    expect(JSON.parse(readFileSync(manifest, 'utf8')).version).toMatch(/^\d+\.\d+\.\d+$/)
    expect(mixbit(['--help']).stdout).toMatch(/^ {2}quantize {2}/m)
  })

  test('quantize a checkpoint where they were installed', () => {
    const model = join(root, 'fixtures/fastvlm-nano')
    const run = mixbit(['quantize', model, '--preset', 'balanced', '-o', 'out', '--json'])
    const result = JSON.parse(run.stdout)
    expect(result.bytes).toBeGreaterThan(1_000_000)
    expect(result.bytes).toBeLessThan(3_200_000)
    expect(readdirSync(join(home, 'out'))).toContain('mixbit.json')
  })
})

function mixbit(args: readonly string[]): Run {
  return succeed('node', [join(home, 'node_modules/mixbit/bin/mixbit.js'), ...args], home)
}

function npm(args: readonly string[], cwd: string): Run {
  return succeed('npm', ['--no-audit', '--no-fund', ...args], cwd)
}

/** Runs a program to its end; on failure its stderr is the message. */
function succeed(command: 'node' | 'npm', args: readonly string[], cwd: string): Run {
  const isShell = command === 'npm' && process.platform === 'win32'
  const { status, stdout, stderr, error } = spawnSync(
    command === 'node' ? process.execPath : command,
    args,
    {
      cwd,
      encoding: 'utf8',
      shell: isShell,
      env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
    },
  )
  if (error) throw error
  expect(status, `${command} ${args.join(' ')}\n${stderr}`).toBe(0)
  return { status, stdout, stderr }
}
