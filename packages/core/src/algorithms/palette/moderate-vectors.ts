import type { Vectors } from '../../kernels/first-entries.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { largestMagnitude } from './scaled-channels.ts'

/**
 * Largest magnitudes between which float32 holds all squared distances: 2^-24 of the smaller one squared
 * is no subnormal (2^-126), and 256 times twice the larger one squared stays below 2^128.
 */
const SMALLEST = 2 ** -39
const LARGEST = 2 ** 58

/**
 * The power of two that brings values of this magnitude to where float32 holds their squares; 1 where
 * they are. It changes no distance but by its square, so the nearest entries stay the nearest.
 */
export function moderateFactor(kernels: Kernels, x: Float32Array): number {
  const largest = largestMagnitude(kernels, x)
  if (largest === 0 || (largest >= SMALLEST && largest <= LARGEST)) return 1
  return 2 ** -Math.floor(Math.log2(largest))
}

/** Values times a power of two; the same array where that is 1. */
export function scaledBy(x: Float32Array, factor: number): Float32Array {
  return factor === 1 ? x : x.map((value) => value * factor)
}

/** Vectors times a power of two. */
export function vectorsBy(vectors: Vectors, factor: number): Vectors {
  return factor === 1 ? vectors : { ...vectors, x: scaledBy(vectors.x, factor) }
}
