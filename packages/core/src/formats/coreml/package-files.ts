import { ensure } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'

/** Packages have two or three levels. */
const MAX_DEPTH = 8

/** Packages have a handful; one that keeps many small files beside its model is still no archive. */
const MAX_FILES = 10_000

/**
 * Paths of all files of a package, relative to it and with slashes, sorted. Throws `path-outside` for
 * symbolic links that leave the package, `limit-exceeded` for folders without end.
 */
export async function packageFiles(
  host: Pick<Host, 'list' | 'listFolders' | 'within'>,
  folder: string,
): Promise<readonly string[]> {
  const found: string[] = []
  const visit = async (relative: string, depth: number): Promise<void> => {
    ensure(
      depth <= MAX_DEPTH && found.length <= MAX_FILES,
      'limit-exceeded',
      `"${folder}" has more than ${MAX_FILES} files or folders deeper than ${MAX_DEPTH} levels; it is no Core ML package.`,
      { folder },
    )
    const at = relative === '' ? folder : host.within(folder, relative)
    const below = (name: string): string => (relative === '' ? name : `${relative}/${name}`)
    for (const name of (await host.list(at)) ?? []) {
      host.within(folder, below(name))
      found.push(below(name))
    }
    for (const name of (await host.listFolders(at)) ?? []) await visit(below(name), depth + 1)
  }
  await visit('', 0)
  return found.toSorted()
}
