/** Four partial sums together, always added in this order. */
export function sumOfFour(parts: Float64Array): number {
  return parts[0]! + parts[1]! + (parts[2]! + parts[3]!)
}
