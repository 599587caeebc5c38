/** A stretch of a text that a model sees at once. */
export type TextWindow = {
  readonly ids: readonly number[]
  /** How many tokens at its end count; the others are their context. */
  readonly scored: number
}

/**
 * Cuts a text into windows of `length` tokens that start every `stride` tokens, as Hugging Face's
 * guide to perplexity does. Each token counts in the first window that it is in. The first token of
 * a window has nothing before it there and is never scored: with `stride` below `length` that leaves
 * out only the first of the text, with both equal one a window.
 *
 * @see https://huggingface.co/docs/transformers/perplexity
 */
export function textWindows(
  ids: readonly number[],
  length: number,
  stride: number,
): readonly TextWindow[] {
  const windows: TextWindow[] = []
  let seen = 0
  for (let start = 0; start < ids.length && seen < ids.length; start += stride) {
    const window = ids.slice(start, start + length)
    const fresh = start + window.length - seen
    const scored = Math.min(fresh, window.length - 1)
    seen = start + window.length
    if (scored > 0) windows.push({ ids: window, scored })
  }
  return windows
}
