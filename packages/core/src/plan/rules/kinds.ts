import { precisionName } from '../../scheme/precision.ts'
import type { AffineScheme, PaletteBits, Scheme } from '../../scheme/scheme.ts'
import type { Draft } from '../draft.ts'
import { changed } from '../draft.ts'

/**
 * What ONNX has no operator for becomes the nearest integers that it has: sparse weights their
 * values, lookup tables as many bits or more, 3 bits 4. Comes first, so that the shape rules
 * after it see what will be stored.
 */
export function kinds(draft: Draft): Draft {
  const next = nearestKind(draft.scheme)
  if (next === null) return draft
  const { scheme, reason } = next
  return kinds(changed(draft, scheme, `${reason}: ${precisionName(scheme)}`))
}

function nearestKind(scheme: Scheme): { readonly scheme: Scheme; readonly reason: string } | null {
  switch (scheme.kind) {
    case 'float':
      return null
    case 'sparse':
      return { scheme: scheme.values, reason: 'ONNX Runtime has no kernels for sparse weights' }
    case 'palette':
      return {
        scheme: paletteAsAffine(scheme.bits),
        reason: 'ONNX has no operator for lookup tables',
      }
    case 'affine':
      if (scheme.dtype !== 'int3') return null
      return {
        scheme: { ...scheme, dtype: 'int4' },
        reason: 'ONNX files store weights in 8, 4 or 2 bits, not int3',
      }
  }
}

function paletteAsAffine(bits: PaletteBits): AffineScheme {
  const isNarrow = bits <= 4
  return {
    kind: 'affine',
    dtype: isNarrow ? 'int4' : 'int8',
    symmetric: true,
    granularity: isNarrow
      ? { kind: 'per-block', axis: 1, blockSize: 32 }
      : { kind: 'per-channel', axis: 0 },
    scaleDtype: 'float16',
  }
}
