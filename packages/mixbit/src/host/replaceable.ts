import { readdir, stat } from 'node:fs/promises'
import { MixbitError } from '@mixbit/core'
import { systemCode, writing } from './file-error.ts'

/** The file by which Mixbit knows a folder that it wrote. */
const OUR_FILE = 'mixbit.json'

/**
 * Refuses (`output-exists`) an output path where something else is: a file, or a folder that is
 * neither empty nor ours. `force` allows any folder, never a file.
 */
export async function checkReplaceable(path: string, force: boolean): Promise<void> {
  const facts = await writing(path, () => stat(path).catch(absent))
  if (facts === undefined) return
  if (!facts.isDirectory()) {
    throw new MixbitError(
      'output-exists',
      `The output "${path}" is a file, not a folder. Choose another output, or remove the file.`,
      { output: path },
    )
  }
  if (force || (await isEmptyOrOurs(path))) return
  // A package of Core ML has no place to say who wrote it.
  const what = path.endsWith('.mlpackage')
    ? `The package "${path}" is there already.`
    : `The folder "${path}" holds files that Mixbit did not write.`
  throw new MixbitError(
    'output-exists',
    `${what} Choose another output, or use --force to replace the whole folder.`,
    { output: path },
  )
}

async function isEmptyOrOurs(path: string): Promise<boolean> {
  const entries = await writing(path, () => readdir(path, { withFileTypes: true }))
  return entries.length === 0 || entries.some((entry) => entry.isFile() && entry.name === OUR_FILE)
}

function absent(error: unknown): undefined {
  if (systemCode(error) !== 'ENOENT') throw error
}
