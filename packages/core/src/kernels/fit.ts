/** Throws unless the arrays of a kernel call fit together; such a call is a defect of the program. */
export function requireFit(condition: boolean, what: string): asserts condition {
  if (!condition) throw new TypeError(`Kernel arrays do not fit: ${what}`)
}

/** Throws unless `x` is whole blocks and there is one scale (and zero point) for each. */
export function requireBlocks(
  x: { readonly length: number },
  scale: Float32Array,
  zeroPoint: Int8Array | undefined,
  blockLength: number,
): void {
  requireFit(blockLength >= 1 && Number.isInteger(blockLength), `blocks of ${blockLength} values`)
  requireFit(
    x.length === scale.length * blockLength,
    `${x.length} values, ${scale.length} scales of ${blockLength} values`,
  )
  requireFit(
    zeroPoint === undefined || zeroPoint.length === scale.length,
    `${scale.length} scales, ${zeroPoint?.length} zero points`,
  )
}
