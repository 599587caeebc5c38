import type { AffineScheme, FloatScheme, PaletteScheme, Scheme } from '../../scheme/scheme.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { Draft } from '../draft.ts'
import { changed } from '../draft.ts'

/** A scheme without a mask. */
export type DenseScheme = FloatScheme | AffineScheme | PaletteScheme

/** Another scheme, and why. */
export type Change = {
  readonly scheme: DenseScheme
  readonly reason: string
  /** The shape makes both mean the same: no other precision than was asked for. */
  readonly isSame?: boolean
}

/** How values are stored, also those that the mask of a sparse weight keeps. */
export function valuesOf(scheme: Scheme): DenseScheme {
  return scheme.kind === 'sparse' ? scheme.values : scheme
}

/** The draft with its values stored otherwise; as it is where nothing changes. The reason names the result. */
export function withValues(draft: Draft, change: Change | null): Draft {
  if (change === null) return draft
  const { scheme } = draft
  const next = scheme.kind === 'sparse' ? { ...scheme, values: change.scheme } : change.scheme
  const made = changed(draft, next, `${change.reason}: ${precisionName(next)}`)
  const isAsked = change.isSame === true && draft.asked === precisionName(scheme)
  return isAsked ? { ...made, asked: precisionName(next) } : made
}
