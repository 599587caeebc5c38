import type { Tokenizer } from '../../base/host.ts'

/** The tokens of a sentence as a model reads it. */
export type SentenceIds = { readonly ids: readonly number[]; readonly isCut: boolean }

/**
 * The tokens of a sentence with the special ones around it; of a longer sentence its own are cut at
 * their end.
 */
export function sentenceIds(
  tokenizer: Tokenizer,
  sentence: string,
  mostTokens: number,
): SentenceIds {
  const ids = tokenizer.encodeAlone(sentence)
  if (ids.length <= mostTokens) return { ids, isCut: false }
  const own = tokenizer.encode(sentence)
  const special = ids.length - own.length
  const before = Math.max(
    0,
    ids.findIndex((_, at) => own.every((id, i) => ids[at + i] === id)),
  )
  const kept = Math.max(0, mostTokens - special)
  const cut = [...ids.slice(0, before), ...own.slice(0, kept), ...ids.slice(before + own.length)]
  return { ids: cut, isCut: true }
}
