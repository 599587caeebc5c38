import { ensure } from '../../base/error.ts'
import { elementsOf } from '../../tensor/weight.ts'
import type { StoredSparse } from './stored-form.ts'

/** Mask bytes between two counts: small enough to finish a count at once. */
const STEP_IN_BYTES = 65_536

const indices = new WeakMap<StoredSparse, Promise<readonly number[]>>()

/** How many values the mask keeps before value `first`. The mask is read whole the first time. */
export async function keptBefore(form: StoredSparse, first: number): Promise<number> {
  const known = indices.get(form) ?? countKept(form)
  indices.set(form, known)
  const counts = await known
  const step = Math.floor(first / (8 * STEP_IN_BYTES))
  const start = step * STEP_IN_BYTES
  const end = Math.ceil(first / 8)
  const bytes = new Uint8Array(await form.mask.read(start, end - start))
  if (first % 8 > 0) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) & ((1 << (first % 8)) - 1)
  return (counts[step] ?? 0) + countBits(bytes)
}

/** Kept values before each step. Throws `malformed` where the mask keeps another number than stored. */
async function countKept(form: StoredSparse): Promise<readonly number[]> {
  const { mask, shape, kept } = form
  const counts: number[] = []
  const total = Math.ceil(elementsOf(shape) / 8)
  let sum = 0
  for (let start = 0; start < total; start += STEP_IN_BYTES) {
    counts.push(sum)
    sum += countBits(await mask.read(start, Math.min(STEP_IN_BYTES, total - start)))
  }
  ensure(
    sum === kept,
    'malformed',
    `A mask keeps ${sum} values where ${kept} are stored. The package is damaged.`,
    { mask: sum, stored: kept },
  )
  return counts
}

/** How many bits are 1. */
export function countBits(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i++) sum += BITS_SET[bytes[i] ?? 0] ?? 0
  return sum
}

const BITS_SET: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1
  return count
})
