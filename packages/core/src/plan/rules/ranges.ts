import type { WeightFacts } from '../../audit/audit-types.ts'
import { onnxForm } from '../../formats/onnx/forms.ts'
import type { AffineScheme, Scheme } from '../../scheme/scheme.ts'
import { INTEGER_BITS } from '../../scheme/scheme.ts'
import { MAX_HALF } from '../../tensor/float16.ts'
import type { Rule } from '../draft.ts'
import { changed } from '../draft.ts'

/**
 * A fp16 scale below this has fewer than 8 significant bits (its last place is 2^-24), so that
 * rounding it would clip or coarsen the block.
 */
const SMALLEST_GOOD_HALF_SCALE = 2 ** -17

/** Rounding a scale to fp16 may enlarge it, and with it every decoded value, by this much. */
const SCALE_ROUNDING = 1 + 2 ** -11

/** Values and scales that fp16 cannot hold are kept in fp32. */
export const ranges: Rule = (draft) => {
  const { scheme, facts } = draft
  const overflow = halfOverflow(facts, scheme)
  if (scheme.kind === 'float') {
    if (overflow === null) return draft
    return changed(draft, { kind: 'float', dtype: 'float32' }, `${overflow}: fp32`)
  }
  if (scheme.kind !== 'affine' || scheme.scaleDtype === 'float32') return draft
  const reason =
    overflow ??
    (isFused(facts, scheme)
      ? 'with fp32 scales ONNX Runtime fuses DequantizeLinear and MatMul'
      : null) ??
    (hasTinyScales(facts, scheme) ? 'some scales are too small for fp16' : null)
  if (reason === null) return draft
  return changed(draft, { ...scheme, scaleDtype: 'float32' }, `${reason}: fp32 scales`)
}

/**
 * Why a weight cannot be stored by this scheme because a value, a scale or what they decode to
 * would leave fp16; null when all fit or the weight was not scanned.
 */
export function halfOverflow(facts: WeightFacts, scheme: Scheme): string | null {
  if (facts.scan === null || !usesHalf(scheme)) return null
  const largest = Math.max(Math.abs(facts.scan.min), Math.abs(facts.scan.max))
  const text = `values up to ${largest.toPrecision(3)}`
  if (scheme.kind !== 'affine') {
    return largest <= MAX_HALF ? null : `${text} do not fit fp16 (65504)`
  }
  const levels = 2 ** (INTEGER_BITS[scheme.dtype] - 1)
  const largestScale = largest / (levels - 1)
  if (largestScale > MAX_HALF) return `${text} need scales that do not fit fp16 (65504)`
  const form = onnxForm(facts.role, facts.shape, scheme)
  const decodesToHalf = form.kind === 'affine' && form.decodeDtype === 'float16'
  // The outermost code may lie up to a step beyond the largest value.
  return decodesToHalf && levels * largestScale * SCALE_ROUNDING > MAX_HALF
    ? `${text} are decoded beyond fp16 (65504)`
    : null
}

function usesHalf(scheme: Scheme): boolean {
  if (scheme.kind === 'float') return scheme.dtype === 'float16'
  return scheme.kind === 'affine' && scheme.scaleDtype === 'float16'
}

function hasTinyScales({ scan }: WeightFacts, { dtype }: AffineScheme): boolean {
  const smallest = scan?.smallestGroup ?? null
  return smallest !== null && smallest / 2 ** (INTEGER_BITS[dtype] - 1) < SMALLEST_GOOD_HALF_SCALE
}

/** Seen in onnxruntime 1.30: 8 bits per channel or tensor become one MatMulNBits when loaded. */
function isFused({ role }: WeightFacts, { dtype, granularity }: AffineScheme): boolean {
  return role === 'linear' && dtype === 'int8' && granularity.kind !== 'per-block'
}
