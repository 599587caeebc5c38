import { MAX_HALF, roundToHalf } from '../../tensor/float16.ts'

/** What tables, scales and values can be stored as. */
export type StoredFloat = 'float16' | 'float32'

/** Largest finite values. IEEE 754-2008, binary32 and binary16. */
export const LARGEST_STORED: Readonly<Record<StoredFloat, number>> = {
  float32: 3.4028234663852886e38,
  float16: MAX_HALF,
}

/** The nearest finite value of a dtype, ties to even; what is beyond its range becomes its end. */
export function toStored(x: number, dtype: StoredFloat): number {
  const limit = LARGEST_STORED[dtype]
  const limited = Math.max(-limit, Math.min(limit, x))
  return dtype === 'float16' ? roundToHalf(limited) : Math.fround(limited)
}
