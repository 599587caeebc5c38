/** The message of one question: the picture, a line break and the question. */
const DEFAULT_PROMPT = '<image>\n{question}'

/** A word in angle brackets, which a tokenizer could take for one of its special tokens. */
const BRACKETED_WORD = /<(?=[^<>\s]+>)/g

/** How the user's message is made of a question. */
export type PromptOptions = {
  readonly prompt?: string
  readonly suffix?: string
}

/**
 * The user's message about a picture, to be put through the model's chat template.
 *
 * A question's own `<image>` or `<|im_end|>` would become special tokens and break the prompt, so
 * words in angle brackets get a space after the bracket. Nothing else in a question is changed.
 */
export function promptContent(question: string, options: PromptOptions = {}): string {
  const plain = question.replace(BRACKETED_WORD, '< ')
  const message = (options.prompt ?? DEFAULT_PROMPT).replace('{question}', () => plain)
  return message + (options.suffix ?? '')
}
