import type { WeightFacts } from '../../audit/audit-types.ts'
import { BLOB_ALIGNMENT } from '../../formats/coreml/blob-index.ts'
import type { CoremlForm, CoremlPart, CoremlWeightFacts } from '../../formats/coreml/form-types.ts'
import type { PartBytes } from '../../formats/part-bytes.ts'
import type { AffineScheme, FloatScheme } from '../../scheme/scheme.ts'

/** What the operators of a weight compute in: the dtype of scales, tables and decoded values. */
export function computesIn({ stored, dtype }: WeightFacts): 'float16' | 'float32' {
  return stored?.computes ?? (dtype === 'float16' ? 'float16' : 'float32')
}

/** What the form of a weight depends on. A weight without axes can have what needs none. */
export function formFacts(facts: WeightFacts): CoremlWeightFacts {
  const { shape, outputAxis, inputAxis } = facts
  return {
    shape,
    dtype: computesIn(facts),
    outputAxis: outputAxis ?? 0,
    inputAxis: inputAxis ?? 1,
  }
}

/** Float values as they lie in the package, or would if they were not compressed. */
export function plainFloat(facts: WeightFacts): FloatScheme {
  if (facts.stored?.isCompressed === true) return { kind: 'float', dtype: computesIn(facts) }
  return { kind: 'float', dtype: facts.dtype === 'float16' ? 'float16' : 'float32' }
}

/** 8 bits with one scale a channel: what every system and every unit takes. */
export function bytesByChannel(facts: WeightFacts, like?: AffineScheme): AffineScheme {
  return {
    kind: 'affine',
    dtype: 'int8',
    symmetric: like?.symmetric ?? true,
    granularity: { kind: 'per-channel', axis: facts.outputAxis ?? 0 },
    scaleDtype: computesIn(facts),
  }
}

/** The bytes of a form, by part. */
export function formBytes(form: CoremlForm): PartBytes {
  const bytesOf = (...names: readonly CoremlPart['name'][]): number =>
    form.parts
      .filter(({ name }) => names.includes(name))
      .reduce((sum, { mostBytes }) => sum + mostBytes, 0)
  const isMost = form.parts.some(({ bytes }) => bytes === null)
  const tables = bytesOf('table')
  const masks = bytesOf('mask')
  return {
    codes: bytesOf('data', 'indices'),
    scales: bytesOf('scale', 'table scale'),
    zeroPoints: bytesOf('offset', 'table offset'),
    ...(tables > 0 && { tables }),
    ...(masks > 0 && { masks }),
    ...(isMost && { isMost }),
  }
}

/** Bytes in a weight file: each array has a header, and begins at a multiple of 64 bytes. */
export function bytesInFile(form: CoremlForm): number {
  return form.parts.reduce((sum, { mostBytes }) => sum + BLOB_ALIGNMENT + aligned(mostBytes), 0)
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / BLOB_ALIGNMENT) * BLOB_ALIGNMENT
}
