/** A name that nothing has yet: the first of the names that `nameAt` numbers from 0 on, for this `base`. */
export type FreshName = (base: string, nameAt: (number: number) => string) => string

/**
 * Gives names that are not in `names`, and puts them there. How far the names of a base were tried is
 * known, so that many equal ones take no longer than as many different ones.
 */
export function freshNamer(names: Set<string>): FreshName {
  const tried = new Map<string, number>()
  return (base, nameAt) => {
    let number = tried.get(base) ?? 0
    while (names.has(nameAt(number))) number++
    const name = nameAt(number)
    names.add(name)
    tried.set(base, number + 1)
    return name
  }
}
