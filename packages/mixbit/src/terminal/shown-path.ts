import { isAbsolute, relative, resolve, sep } from 'node:path'

/** A path as a person in the folder `cwd` would type it: relative unless it lies elsewhere. */
export function shownPath(path: string, cwd: string): string {
  const absolute = resolve(cwd, path)
  const way = relative(cwd, absolute)
  const isElsewhere = way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way)
  if (way === '' || isElsewhere) return absolute
  return way
}
