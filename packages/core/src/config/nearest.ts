/** Longer words are never a slip of the keyboard, and comparing them costs time. */
const MAX_LENGTH = 80

/**
 * The candidate that `word` was probably meant to be: at most a third of its letters differ.
 * `undefined` when none is that near. The first of equally near ones wins.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > MAX_LENGTH) return undefined
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Up to `count` candidates, those that share most with `word` first. */
export function nearestNames(
  word: string,
  candidates: readonly string[],
  count: number,
): readonly string[] {
  const target = word.toLowerCase().slice(0, MAX_LENGTH)
  return candidates
    .map((name) => ({
      name,
      distance: editDistance(target, name.toLowerCase().slice(0, MAX_LENGTH)),
    }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map((each) => each.name)
}

/** Shorter words are parts of many. */
const SHORTEST_PART = 4

/** The one candidate that a word is a part of: `coreml-ios18` for `iOS18`. */
function onlyAround(word: string, candidates: readonly string[]): string | undefined {
  const part = word.toLowerCase().replace(/[\s_-]/gu, '')
  if (part.length < SHORTEST_PART) return undefined
  const around = candidates.filter((each) =>
    each
      .toLowerCase()
      .replace(/[\s_-]/gu, '')
      .includes(part),
  )
  return around.length === 1 ? around[0] : undefined
}

/** ` Did you mean "x"?`, or nothing. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const all = [...candidates]
  const found = nearest(word, all) ?? onlyAround(word, all)
  return found === undefined ? '' : ` Did you mean "${found}"?`
}

/**
 * Insertions, deletions and replacements of one letter, and swaps of two neighbours, that turn one
 * word into the other (optimal string alignment distance).
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const change = a[row - 1] === b[column - 1] ? 0 : 1
      let least = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + change,
      )
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        least = Math.min(least, at(beforeLast, column - 2) + 1)
      }
      current.push(least)
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}
