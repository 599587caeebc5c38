import { lstatSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join, relative as relativePath, resolve, sep, win32 } from 'node:path'
import { MixbitError } from '@mixbit/core'
import { systemCode } from './file-error.ts'

/**
 * Joins a path that came from a file (a descriptor, an index, external data) to its folder.
 *
 * Refuses with `path-outside` what leaves the folder: absolute paths, `..`, and symbolic links.
 * The one exception is a Hugging Face cache, where `snapshots/<revision>/` holds links into the
 * `blobs/` beside it: https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
 */
export function within(folder: string, relative: string): string {
  if (!staysBelow(relative)) throw outside(folder, relative)
  const path = join(folder, relative)
  const real = realPath(resolve(path))
  const root = realPath(resolve(folder))
  if (real === undefined || root === undefined) throw outside(folder, relative)
  if (!allowedRoots(root).some((allowed) => isInside(allowed, real))) {
    throw outside(folder, relative)
  }
  return path
}

/** Whether `path` is `folder` or lies below it; both absolute. */
export function isInside(folder: string, path: string): boolean {
  const way = relativePath(folder, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}

/** Judged as POSIX and as Windows would read it, so that a file means the same everywhere. */
function staysBelow(relative: string): boolean {
  if (relative.includes('\0') || isAbsolute(relative) || win32.isAbsolute(relative)) return false
  if (/^[a-z]:/i.test(relative)) return false
  return !relative.split(/[\\/]/).includes('..')
}

/**
 * An absolute path with all symbolic links followed; what does not exist yet is kept below its nearest
 * existing folder. Undefined for a link that leads nowhere: writing through it would leave.
 */
export function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch (error) {
    if (systemCode(error) === 'ELOOP' || isLink(path)) return undefined
    const parent = dirname(path)
    if (parent === path) return path
    const realParent = realPath(parent)
    return realParent === undefined ? undefined : join(realParent, path.slice(parent.length))
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink()
  } catch {
    return false
  }
}

function allowedRoots(root: string): readonly string[] {
  const cache = /^(.*)[\\/]snapshots[\\/][^\\/]+/.exec(root)?.[1]
  return cache === undefined ? [root] : [root, join(cache, 'blobs')]
}

function outside(folder: string, path: string): MixbitError {
  return new MixbitError(
    'path-outside',
    `The path "${path}" leaves its folder "${folder}". Paths in files are relative to the folder ` +
      'and may not leave it, by symbolic links neither.',
    { folder, path },
  )
}
