import type { AffineEncoding } from '../../scheme/encoding.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { Scheme } from '../../scheme/scheme.ts'
import { elementsOf, rowsOf } from '../../tensor/weight.ts'
import { readCodes } from './array-values.ts'
import type { CoremlDocument } from './document.ts'
import type { CoremlForm } from './form-types.ts'
import { readAffineRows } from './stored-encoding.ts'
import type { StoredAffine } from './stored-form.ts'

/** Codes that are looked at together. */
const PIECE = 2 ** 20

/** The lowest code that symmetric integers around 127 have. */
const LOWEST_CODE = -127

/**
 * The signed integers of a weight that is stored as its scheme says already: rounding their values again
 * could move a scale by a bit. `null` for all others.
 */
export function codesAsStored(
  { weights, sites }: Pick<CoremlDocument, 'weights' | 'sites'>,
  name: string,
  scheme: Scheme,
): StoredAffine | null {
  const stored = sites.get(name)?.form
  if (stored?.kind !== 'affine' || stored.codes.dtype.startsWith('uint')) return null
  return weights.get(name)?.stored.precision === precisionName(scheme) ? stored : null
}

/** The form with room for the lowest code of all, which only codes around 128 have. */
export async function formOfCodes(form: CoremlForm, stored: StoredAffine): Promise<CoremlForm> {
  if (form.kind !== 'affine' || form.codeOffset !== -LOWEST_CODE) return form
  const count = elementsOf(stored.shape)
  for (let start = 0; start < count; start += PIECE) {
    const codes = await readCodes(stored.codes, start, Math.min(PIECE, count - start))
    if (codes.some((code) => code < LOWEST_CODE)) return { ...form, codeOffset: 128 }
  }
  return form
}

/** What is stored, so many rows at a time. */
export async function* storedPieces(
  stored: StoredAffine,
  step: number,
): AsyncGenerator<{ readonly firstRow: number; readonly given: AffineEncoding }> {
  const rows = rowsOf(stored.shape)
  for (let start = 0; start < rows; start += step) {
    const end = Math.min(rows, start + step)
    yield { firstRow: start, given: await readAffineRows(stored, { start, end }) }
  }
}

/** Symmetric signed codes without their zero points, which are all 0. */
export function withoutZeros({ zeroPoint: _, ...encoding }: AffineEncoding): AffineEncoding {
  return encoding
}
