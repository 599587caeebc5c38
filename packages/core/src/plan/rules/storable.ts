import { onnxForm } from '../../formats/onnx/forms.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { AffineScheme, Scheme } from '../../scheme/scheme.ts'
import { ONNX_RUNTIME, kernelBlockSize } from '../../targets/onnx-runtime.ts'
import type { Draft, Rule } from '../draft.ts'
import { changed } from '../draft.ts'

/**
 * What the target cannot hold gets the nearest form that it can, never a less precise one; the
 * reason says what was missing. Only tables that are looked up have such limits.
 */
export const storable: Rule = (draft) => {
  const { facts } = draft
  const form = onnxForm(facts.role, facts.shape, draft.scheme)
  if (form.kind !== 'none') return draft
  const scheme = nearestForm(draft)
  return changed(draft, scheme, `${form.reason}: ${precisionName(scheme)}`)
}

function nearestForm({ scheme, facts }: Draft): Scheme {
  if (scheme.kind !== 'affine') return HALF
  const columns = facts.shape[1] ?? 1
  const blockSize = kernelBlockSize(ONNX_RUNTIME.preferredLargestBlock, columns)
  if (blockSize !== null) {
    return { ...scheme, granularity: { kind: 'per-block', axis: 1, blockSize } }
  }
  if (facts.role !== 'embedding' || !rowsLoseNothing(scheme, columns)) return HALF
  return { ...scheme, dtype: 'int8', granularity: { kind: 'per-channel', axis: 0 } }
}

const HALF: Scheme = { kind: 'float', dtype: 'float16' }

/** Whether 8 bits a row are at least as precise as the scheme. */
function rowsLoseNothing({ dtype, granularity }: AffineScheme, columns: number): boolean {
  return dtype !== 'int8' || granularity.kind !== 'per-block' || granularity.blockSize === columns
}
