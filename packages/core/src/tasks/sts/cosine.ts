/** The cosine of the angle between two vectors, -1 to 1, in double precision; null for a zero vector. */
export function cosineSimilarity(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  if (a.length !== b.length) throw new TypeError(`vectors of ${a.length} and ${b.length} numbers`)
  let ab = 0
  let aa = 0
  let bb = 0
  for (let i = 0; i < a.length; i++) {
    const x = a[i] ?? 0
    const y = b[i] ?? 0
    ab += x * y
    aa += x * x
    bb += y * y
  }
  const value = ab / (Math.sqrt(aa) * Math.sqrt(bb))
  return Number.isFinite(value) ? Math.max(-1, Math.min(1, value)) : null
}
