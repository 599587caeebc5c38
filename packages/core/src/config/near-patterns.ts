import { nearestNames } from './nearest.ts'
import { matchesPattern } from './patterns.ts'

/**
 * What a pattern without a match was probably meant to be: up to `count` patterns that match some layers
 * but not all, the most similar first; else names of layers, as a pattern without stars gets.
 */
export function nearPatterns(
  pattern: string,
  layers: readonly string[],
  count: number,
): readonly string[] {
  const meant = withMatch(slips(pattern, layers), layers)
  const found = meant.length > 0 ? meant : withMatch(candidates(pattern, layers), layers)
  if (found.length > 0) return found.slice(0, count)
  const inOtherCase = layers.filter((layer) =>
    matchesPattern(pattern.toLowerCase(), layer.toLowerCase()),
  )
  return inOtherCase.length > 0
    ? inOtherCase.slice(0, count)
    : nearestNames(pattern, pattern.includes('*') ? sharing(pattern, layers) : layers, count)
}

/** Those that match some layers; what matches all of them says nothing. */
function withMatch(patterns: readonly string[], layers: readonly string[]): readonly string[] {
  return [...new Set(patterns)].filter((pattern) => {
    const isMatched = (layer: string): boolean => matchesPattern(pattern, layer)
    return layers.some(isMatched) && (layers.length === 1 || !layers.every(isMatched))
  })
}

/** Components that are tried before a pattern; no model has more. */
const MOST_COMPONENTS = 20

/** The pattern in lower case, and with the component before it that all layers have. */
function slips(pattern: string, layers: readonly string[]): readonly string[] {
  const lower = pattern.toLowerCase()
  if (pattern.startsWith('*')) return [lower]
  const components = new Set(layers.map((layer) => layer.split('.')[0] ?? ''))
  const before = [...components].slice(0, MOST_COMPONENTS)
  return [lower, ...[pattern, lower].flatMap((each) => before.map((name) => `${name}.${each}`))]
}

/** Layers that have most of a pattern's words, without regard to case; all where none has any. */
function sharing(pattern: string, layers: readonly string[]): readonly string[] {
  const words = pattern
    .toLowerCase()
    .split(/[*._/]/u)
    .filter((word) => word !== '')
  const scores = layers.map(
    (layer) => words.filter((word) => layer.toLowerCase().includes(word)).length,
  )
  const most = scores.reduce((a, b) => Math.max(a, b), 0)
  return layers.filter((_, at) => scores[at] === most)
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
  if (tail === '') return []
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
