/** The largest number not above `limit` that divides `value`; 1 when no other does. */
export function largestDivisor(value: number, limit: number): number {
  for (let size = Math.min(limit, value); size > 1; size--) {
    if (value % size === 0) return size
  }
  return 1
}
