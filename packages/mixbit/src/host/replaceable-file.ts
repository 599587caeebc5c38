import { MixbitError } from '@mixbit/core'
import { exists, openFile } from './files.ts'

/** Our marks stand near the start of a file: in the first line of JSON, in the script of a page. */
const HEAD_IN_BYTES = 1_000_000

/**
 * Refuses (`output-exists`) to write a file over one that Mixbit did not write: a name typed wrong
 * must not cost a model its `config.json`.
 *
 * @param mark - text that every older file of ours has, such as `mixbit/plan@`
 */
export async function checkFileReplaceable(path: string, mark: string): Promise<void> {
  if (!(await exists(path))) return
  const source = await openFile(path)
  try {
    const head = await source.read(0, Math.min(source.sizeInBytes, HEAD_IN_BYTES))
    if (new TextDecoder().decode(head).includes(mark)) return
  } finally {
    await source.close()
  }
  throw new MixbitError(
    'output-exists',
    `"${path}" is a file that Mixbit did not write. Choose another output, or remove it first.`,
    { output: path },
  )
}
