import { readSync } from 'node:fs'
import type { FileRegion } from '@mixbit/core'
import { readingNow } from './file-error.ts'
import { LARGEST_READ, allocate, truncated } from './files.ts'

/** A larger region gets memory of its own, which is not held to the end. */
const MOST_KEPT = 2 ** 23

/**
 * Reads regions of files that another thread of this process has open, into memory that is used again
 * for the next one.
 */
export function regionReader(): (region: FileRegion) => Uint8Array {
  let kept = new Uint8Array(0)
  return ({ file, descriptor, offset, length }) => {
    if (length > kept.length && length <= MOST_KEPT) kept = new Uint8Array(length)
    const bytes = length > MOST_KEPT ? allocate(file, length) : kept.subarray(0, length)
    const filled = readingNow(file, () => fill(descriptor, bytes, offset))
    if (filled < length) throw truncated(file, offset, length, offset + filled)
    return bytes
  }
}

/** Reads until `bytes` is full or the file ends; returns how many bytes were read. */
function fill(descriptor: number, bytes: Uint8Array, offset: number): number {
  let filled = 0
  while (filled < bytes.length) {
    const wanted = Math.min(LARGEST_READ, bytes.length - filled)
    const count = readSync(descriptor, bytes, filled, wanted, offset + filled)
    if (count === 0) break
    filled += count
  }
  return filled
}
