/** A loaded data set, and the path that it was asked for by. */
type Named = {
  readonly limits: { readonly data: string }
  readonly dataset: { readonly name: string }
}

/**
 * The sets with names that tell them apart: sets of one name take the folders that they lie in,
 * and a set that is given twice a number (`val`, `day/val`, `val (2)`).
 */
export function withUniqueNames<Set extends Named>(sets: readonly Set[]): readonly Set[] {
  const paths = sets.map(({ limits, dataset }) => [...foldersOf(limits.data), dataset.name])
  const names = paths.map((path) => shortestOwn(path, paths))
  return sets.map((set, at) => {
    const [name = ''] = names.slice(at)
    const before = names.slice(0, at).filter((each) => each === name).length
    const unique = before === 0 ? name : `${name} (${before + 1})`
    return { ...set, dataset: { ...set.dataset, name: unique } }
  })
}

function foldersOf(path: string): readonly string[] {
  return path
    .split(/[/\\]/u)
    .slice(0, -1)
    .filter((part) => part !== '' && part !== '.')
}

/** The last parts of a path, as many as no path has that differs. */
function shortestOwn(path: readonly string[], paths: readonly (readonly string[])[]): string {
  const whole = path.join('/')
  const others = paths.map((each) => each.join('/')).filter((each) => each !== whole)
  for (let parts = 1; parts < path.length; parts++) {
    const name = path.slice(-parts).join('/')
    if (others.every((other) => !`/${other}`.endsWith(`/${name}`))) return name
  }
  return whole
}
