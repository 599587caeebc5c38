import { largestDivisor } from '../largest-divisor.ts'

/** The largest group up to `wanted` that divides the channels, of whole vectors where that can be. */
export function groupOfVectors(channels: number, wanted: number, vectorSize: number): number {
  const holdsVectors = channels % vectorSize === 0 && wanted >= vectorSize
  if (!holdsVectors) return largestDivisor(channels, wanted)
  return vectorSize * largestDivisor(channels / vectorSize, Math.floor(wanted / vectorSize))
}
