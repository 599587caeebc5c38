import { matchesPattern } from './patterns.ts'

/** Options that a message gives in full. */
const LISTED_OPTIONS = 3

/**
 * `--layer` options, ready to be copied, that store these layers so and no others: one pattern where
 * one describes just them, else one option each, of many the first few.
 *
 * @param names - at least one
 * @param all - the names of all layers of the model
 */
export function layerOptions(
  names: readonly string[],
  precision: string,
  all: readonly string[],
): string {
  const option = (pattern: string): string => `--layer "${pattern}=${precision}"`
  const pattern = commonPattern(names)
  const own = new Set(names)
  const isOnly = all.every((name) => own.has(name) || !matchesPattern(pattern, name))
  if (isOnly) return option(pattern)
  const listed = names.slice(0, LISTED_OPTIONS).map(option).join(' ')
  const more = names.length - LISTED_OPTIONS
  return more > 0 ? `${listed} and ${more} more like these` : listed
}

/** What names begin and end with, `*` between; a single name as it is. */
function commonPattern(names: readonly string[]): string {
  const [first = '', ...others] = names
  if (others.length === 0) return first
  const shortest = Math.min(...names.map(({ length }) => length))
  const isShared = (test: (name: string) => boolean): boolean => others.every(test)
  let start = 0
  while (start < shortest && isShared((name) => name[start] === first[start])) start++
  let end = 0
  while (end < shortest - start && isShared((name) => name.at(-1 - end) === first.at(-1 - end)))
    end++
  return `${first.slice(0, start)}*${end === 0 ? '' : first.slice(-end)}`
}
