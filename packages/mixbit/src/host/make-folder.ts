import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MixbitError } from '@mixbit/core/worker'
import { REASONS, systemCode } from './file-error.ts'

/**
 * Makes a folder with those above it; one that is there is kept. Throws `not-writable` with the name of the
 * folder in which nothing can be made.
 *
 * The recursive `mkdir` of Node 20 never returns where a folder exists and nothing can be made in
 * it with ENOENT, as in /proc.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    if (await isFolder(path)) return
    const above = dirname(path)
    const code = systemCode(error) ?? ''
    if (REFUSED.includes(code) && (await isFolder(above))) throw refusal(above, error)
    if (code !== 'ENOENT' || above === path) throw error
    await makeFolder(above)
    await makeFolder(path)
  }
}

/** What a system says of a folder in which nothing may be made; that is ENOENT in /proc. */
const REFUSED = ['EACCES', 'EPERM', 'EROFS', 'ENOENT']

function refusal(above: string, cause: unknown): MixbitError {
  const code = systemCode(cause) ?? ''
  const reason = REASONS[code] ?? code
  return new MixbitError(
    'not-writable',
    `Cannot make anything in the folder "${above}"${code === 'ENOENT' ? '' : `: ${reason}`}. Choose another place.`,
    { folder: above, reason: code },
    { cause },
  )
}

async function isFolder(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined)
  return facts?.isDirectory() ?? false
}
