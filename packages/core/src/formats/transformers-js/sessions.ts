import type { WeightRole } from '../../operators/weight-role.ts'
import type { Scheme } from '../../scheme/scheme.ts'
import { bitsPerValue } from '../../scheme/scheme.ts'

/**
 * The names by which transformers.js asks for the sessions of an image-text-to-text model. The
 * token table comes first: the decoder shares it.
 */
export const SESSION_NAMES = ['embed_tokens', 'vision_encoder', 'decoder_model_merged'] as const

export type SessionName = (typeof SESSION_NAMES)[number]

/** The dtype names of transformers.js that we write, with the file suffix that each stands for. */
export const DTYPE_SUFFIXES = { fp32: '', fp16: '_fp16', q8: '_quantized', q4: '_q4' } as const

export type DtypeName = keyof typeof DTYPE_SUFFIXES

/**
 * The dtype name of a session: that of its narrowest matrix, or vector where there is no matrix.
 * transformers.js derives nothing but the file's name from it.
 */
export function dtypeName(
  layers: readonly { readonly role: WeightRole; readonly scheme: Scheme }[],
): DtypeName {
  const matrices = layers.filter((layer) => layer.role !== 'vector')
  const counted = matrices.length > 0 ? matrices : layers
  const bits = counted.reduce((least, { scheme }) => Math.min(least, bitsPerValue(scheme)), 32)
  if (bits <= 4) return 'q4'
  if (bits <= 8) return 'q8'
  return bits <= 16 ? 'fp16' : 'fp32'
}
