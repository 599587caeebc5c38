import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'

// These tests start the built program: `npm run build` comes first, as in `npm run check`.
const bin = fileURLToPath(new URL('../bin/mixbit.js', import.meta.url))

beforeAll(() => {
  const isBuilt = existsSync(new URL('../bundle/main.js', import.meta.url))
  if (!isBuilt) throw new Error('packages/mixbit/bundle is missing: npm run build')
})

type Ended = { readonly code: unknown; readonly stdout: string; readonly stderr: string }

async function mixbit(...argv: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [bin, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

test('the built program shows its help', async () => {
  const { code, stdout, stderr } = await mixbit('--help')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('Usage: mixbit <command>')
})

test('a refusal ends the process with 2, one JSON object and one last line', async () => {
  const { code, stdout, stderr } = await mixbit('nonsense', '--json')
  expect(code).toBe(2)
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'unknown-command' } })
  expect(stderr).toMatch(/^error unknown-command: [^\n]+\n$/u)
})

test('a reader that goes away is no failure', async () => {
  const child = spawn(process.execPath, [bin, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  const [code] = await once(child, 'close')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})
