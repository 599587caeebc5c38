import { nearestNames } from './nearest.ts'
import { matchesPattern } from './patterns.ts'

/**
 * What a pattern without a match was probably meant to be: up to `count` patterns that match, the
 * most similar first. A pattern without stars gets names of layers.
 */
export function nearPatterns(
  pattern: string,
  layers: readonly string[],
  count: number,
): readonly string[] {
  const found = [...new Set(candidates(pattern, layers))].filter((candidate) =>
    layers.some((layer) => matchesPattern(candidate, layer)),
  )
  return found.length > 0 ? found.slice(0, count) : nearestNames(pattern, layers, count)
}

/** Similar beginnings that are looked at; more are never listed. */
const CANDIDATES = 10

/**
 * The pattern with what stands before its first star, or else behind its last, as in the names;
 * then only that much of it, since the rest may have a slip too.
 */
function candidates(pattern: string, layers: readonly string[]): readonly string[] {
  const first = pattern.indexOf('*')
  if (first === -1) return []
  if (first > 0) {
    const head = pattern.slice(0, first)
    const heads = layers.map((layer) => beginning(layer, head))
    const near = nearestOf(head, heads)
    return [...near.map((each) => each + pattern.slice(first)), ...near.map((each) => `${each}*`)]
  }
  const last = pattern.lastIndexOf('*') + 1
  const tail = pattern.slice(last)
  const tails = layers.map((layer) => ending(layer, tail))
  const near = nearestOf(tail, tails)
  return [...near.map((each) => pattern.slice(0, last) + each), ...near.map((each) => `*${each}`)]
}

/** The most similar, those first that only go on where `word` ends: `vision` for `vision_encoder`. */
function nearestOf(word: string, all: readonly string[]): readonly string[] {
  const near = nearestNames(word, [...new Set(all)], CANDIDATES)
  const start = word.replace(/\.$/u, '')
  return [
    ...near.filter((each) => each.startsWith(start)),
    ...near.filter((each) => !each.startsWith(start)),
  ]
}

/** As many parts of a name as `head` has, with the dot at the end if that has one. */
function beginning(name: string, head: string): string {
  const parts = head.split('.')
  const own = name.split('.').slice(0, parts.length)
  return parts.at(-1) === '' ? [...own.slice(0, -1), ''].join('.') : own.join('.')
}

/** As many parts of the end of a name as `tail` has, with the dot before it if that has one. */
function ending(name: string, tail: string): string {
  const parts = tail.split('.')
  const own = name.split('.').slice(-parts.length)
  return parts[0] === '' ? ['', ...own.slice(1)].join('.') : own.join('.')
}
