/** The exact bytes of a stored weight, part by part. */
export type PartBytes = {
  /** Codes, indices or float values. */
  readonly codes: number
  readonly scales: number
  readonly zeroPoints: number
  /** Tables of palettes. */
  readonly tables?: number | undefined
  /** Which values of a sparse weight are there. */
  readonly masks?: number | undefined
  /** The most that it can be: how many values a mask keeps is known when the weight is encoded. */
  readonly isMost?: boolean | undefined
}

/** The bytes of all parts together. */
export function totalBytes({
  codes,
  scales,
  zeroPoints,
  tables = 0,
  masks = 0,
}: PartBytes): number {
  return codes + scales + zeroPoints + tables + masks
}

/** The bytes of planned layers together. */
export function storedBytes(layers: readonly { readonly bytes: PartBytes }[]): number {
  return layers.reduce((sum, { bytes }) => sum + totalBytes(bytes), 0)
}
