import { elementsOf } from '../../tensor/weight.ts'
import { readCodes } from './array-values.ts'
import type { StoredAffine, StoredForm } from './stored-form.ts'

/** Zero points that are looked at together. */
const PIECE = 2 ** 16

/**
 * Whether integers are symmetric: without zero points, or with all of them in the middle of the range.
 * The middle of unsigned codes is 128 (8 of 4 bits), or 127 (7) where the lowest code is left out.
 */
export async function hasCentralZero(form: StoredForm): Promise<boolean> {
  const affine = affineOf(form)
  if (affine === null) return false
  const { offset, codes } = affine
  const isUnsigned = codes.dtype.startsWith('uint')
  if (offset === null) return !isUnsigned
  const count = elementsOf(offset.shape)
  const [first = 0] = await readCodes(offset, 0, Math.min(1, count))
  if (first !== 0 && !(isUnsigned && first === -1)) return false
  for (let start = 0; start < count; start += PIECE) {
    const zeros = await readCodes(offset, start, Math.min(PIECE, count - start))
    if (zeros.some((zero) => zero !== first)) return false
  }
  return true
}

function affineOf(form: StoredForm): StoredAffine | null {
  const values = form.kind === 'sparse' ? form.values : form
  return values.kind === 'affine' ? values : null
}
