import { ensure } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'

/** Packages have two or three levels. */
const MAX_DEPTH = 8

/** Packages have a handful; one that keeps many small files beside its model is still no archive. */
const MAX_FILES = 10_000

type FilesHost = Pick<Host, 'list' | 'listFolders' | 'realPath' | 'within'>

/** Paths of what a package holds, relative to it and with slashes, sorted. */
export type PackageContents = {
  readonly files: readonly string[]
  /** Folders in which nothing lies. */
  readonly emptyFolders: readonly string[]
}

/**
 * What lies in a package; links count as what they lead to. Throws `path-outside` for symbolic links that
 * leave the package, `limit-exceeded` for folders without end.
 */
export async function packageContents(host: FilesHost, folder: string): Promise<PackageContents> {
  const found: string[] = []
  const emptyFolders: string[] = []
  let folders = 0
  const visit = async (relative: string, above: readonly string[]): Promise<void> => {
    folders++
    ensure(
      above.length <= MAX_DEPTH && found.length <= MAX_FILES && folders <= MAX_FILES,
      'limit-exceeded',
      `"${folder}" has more than ${MAX_FILES} files or folders deeper than ${MAX_DEPTH} levels; it is no Core ML package.`,
      { folder },
    )
    const at = relative === '' ? folder : host.within(folder, relative)
    const real = host.realPath(at)
    // A link to a folder that it lies in.
    if (above.includes(real)) return
    const below = (name: string): string => (relative === '' ? name : `${relative}/${name}`)
    const [files, inner] = [(await host.list(at)) ?? [], (await host.listFolders(at)) ?? []]
    if (files.length === 0 && inner.length === 0) emptyFolders.push(relative)
    for (const name of files) {
      host.within(folder, below(name))
      found.push(below(name))
    }
    for (const name of inner) await visit(below(name), [...above, real])
  }
  await visit('', [])
  return { files: found.toSorted(), emptyFolders: emptyFolders.toSorted() }
}

/**
 * The files of a package but for `known` ones, each once: of several names that links give to one file,
 * its own is kept, and those in `named`.
 */
export function otherFiles(
  host: FilesHost,
  folder: string,
  files: readonly string[],
  { known, named }: { readonly known: readonly string[]; readonly named: readonly string[] },
): readonly string[] {
  const root = host.realPath(folder)
  const realOf = (file: string): string => host.realPath(host.within(folder, file))
  const isOwn = (file: string): boolean => realOf(file) === host.within(root, file)
  const taken = new Set(known.map(realOf))
  const others = files.filter((file) => !known.includes(file))
  const kept = [...others.filter(isOwn), ...others.filter((file) => !isOwn(file))].filter(
    (file) => {
      const real = realOf(file)
      const isCarried = named.includes(file) || !taken.has(real)
      taken.add(real)
      return isCarried
    },
  )
  return kept.toSorted()
}
