import { onnxForm } from '../../formats/onnx/forms.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { AffineScheme, Scheme } from '../../scheme/scheme.ts'
import { ONNX_RUNTIME, kernelBlockSize } from '../../targets/onnx-runtime.ts'
import type { Draft, Rule } from '../draft.ts'
import { changed } from '../draft.ts'

/**
 * What the target cannot hold gets the nearest form that it can, never a less precise one where
 * there is a choice; the reason says what was missing.
 */
export const storable: Rule = (draft) => {
  let current = preferKernelBlocks(draft)
  // Each step makes the scheme simpler, so a handful always ends at a float form.
  for (let step = 0; step < 6; step++) {
    const form = onnxForm(current.facts.role, current.facts.shape, current.scheme)
    if (form.kind !== 'none') return current
    const scheme = nextStorable(current)
    current = changed(current, scheme, `${form.reason}: ${precisionName(scheme)}`)
  }
  return current
}

/** Linear layers run well from blocks of a power of two; others decode on every run. */
function preferKernelBlocks(draft: Draft): Draft {
  const { scheme, facts } = draft
  const isMultiplied = facts.role === 'linear' || facts.role === 'embedding'
  if (!isMultiplied || scheme.kind !== 'affine') return draft
  if (scheme.granularity.kind !== 'per-block') return draft
  const { blockSize, axis } = scheme.granularity
  const kernel = kernelBlockSize(blockSize, facts.shape[axis] ?? 1)
  if (kernel === blockSize || kernel === null) return draft
  return changed(
    draft,
    { ...scheme, granularity: { kind: 'per-block', axis, blockSize: kernel } },
    `ONNX Runtime's block kernels take powers of two from 16 on: blocks of ${kernel}`,
  )
}

function nextStorable(draft: Draft): Scheme {
  const { scheme, facts } = draft
  switch (scheme.kind) {
    case 'sparse':
      return scheme.values
    case 'palette':
      return paletteAsAffine(scheme.bits)
    case 'float':
      return { kind: 'float', dtype: 'float16' }
    case 'affine':
      return affineStorable(scheme, facts.role === 'vector' || facts.role === 'other', facts.shape)
  }
}

function affineStorable(
  scheme: AffineScheme,
  mustBeFloat: boolean,
  shape: readonly number[],
): Scheme {
  if (mustBeFloat) return { kind: 'float', dtype: 'float16' }
  if (scheme.dtype === 'int3' || scheme.dtype === 'int2') return { ...scheme, dtype: 'int4' }
  const blockSize = kernelBlockSize(ONNX_RUNTIME.preferredLargestBlock, shape[1] ?? 1)
  if (scheme.granularity.kind !== 'per-block' && blockSize !== null) {
    return { ...scheme, granularity: { kind: 'per-block', axis: 1, blockSize } }
  }
  return { kind: 'float', dtype: 'float16' }
}

function paletteAsAffine(bits: number): Scheme {
  return {
    kind: 'affine',
    dtype: bits <= 4 ? 'int4' : 'int8',
    symmetric: true,
    granularity:
      bits <= 4 ? { kind: 'per-block', axis: 1, blockSize: 32 } : { kind: 'per-channel', axis: 0 },
    scaleDtype: 'float16',
  }
}
