/**
 * The largest of `least` and the values. `Math.max(...values)` fails from about 100,000 values on, as
 * arguments lie on the stack.
 */
export function largestOf(least: number, values: Iterable<number>): number {
  let largest = least
  for (const value of values) largest = Math.max(largest, value)
  return largest
}
