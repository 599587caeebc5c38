import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

// These helpers start the built program: `npm run build` comes first, as in `npm run check`.

/** The root of the repository. */
export const root: string = join(import.meta.dirname, '../../..')

/** The model that ships with the project, and data for it. */
export const nano: string = join(root, 'fixtures/fastvlm-nano')
export const pocketVqa = (name: string): string => join(root, `fixtures/pocket-vqa/${name}.json`)

const bin = join(root, 'packages/mixbit/bin/mixbit.js')

export type Ended = { readonly code: unknown; readonly stdout: string; readonly stderr: string }

/** Runs the built program to its end. */
export async function mixbit(
  argv: readonly string[],
  options: {
    readonly cwd?: string
    /** Called when it has said more, with all that it said to people so far. */
    readonly told?: (child: ChildProcess, stderr: string) => void
  } = {},
): Promise<Ended> {
  if (!existsSync(join(root, 'packages/mixbit/bundle/main.js'))) {
    throw new Error('packages/mixbit/bundle is missing: npm run build')
  }
  const child = spawn(process.execPath, [bin, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.cwd,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
    options.told?.(child, stderr)
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

/**
 * Runs it with `--json --quiet`: stdout must be one JSON object, on one line.
 *
 * @param parts - the arguments, grouped for reading
 */
export async function mixbitJson(
  ...parts: readonly (readonly string[])[]
): Promise<{ readonly code: unknown; readonly json: unknown; readonly stderr: string }> {
  const { code, stdout, stderr } = await mixbit([...parts.flat(), '--json', '--quiet'])
  const lines = stdout.split('\n')
  if (lines.length !== 2 || lines[1] !== '') throw new Error(`Not one line: ${stdout}\n${stderr}`)
  return { code, json: JSON.parse(lines[0] ?? ''), stderr }
}
