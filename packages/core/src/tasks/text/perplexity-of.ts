import { ensure } from '../../base/error.ts'
import type { JobContext } from '../../base/host.ts'
import type { TaskModel } from '../task-model.ts'
import { answerOutput, outputValues } from '../task-model.ts'
import { textFeeds } from './causal-feeds.ts'
import type { TokenLoss } from './token-loss.ts'
import { tokenLoss } from './token-loss.ts'
import type { TextWindow } from './windows.ts'

export type PerplexityInput = {
  readonly model: TaskModel
  readonly window: TextWindow
  /** The output with the logits; null for `logits`, or the first one. */
  readonly output: string | null
}

/** The pool job `perplexity-of`: how surprised a causal language model is by the tokens of a window. */
export async function perplexityOf(
  { model, window, output }: PerplexityInput,
  context: JobContext,
): Promise<TokenLoss> {
  const session = await context.session(model.file, model.options)
  const name = answerOutput(session, output, ['logits'])
  const outputs = await session.run(textFeeds(session, window.ids), [name])
  const values = outputValues(outputs[name], name)
  const [batch, tokens, vocabulary = 0] = outputs[name]?.shape ?? []
  ensure(
    batch === 1 && tokens === window.ids.length && vocabulary > 0,
    'unsupported-model',
    `The output "${name}" has the shape ${(outputs[name]?.shape ?? []).join(' x ')}; the logits of ` +
      `${window.ids.length} tokens are 1 x ${window.ids.length} x vocabulary.`,
    { output: name, tokens: window.ids.length },
  )
  const largest = window.ids.reduce((most, id) => Math.max(most, id), 0)
  ensure(
    largest < vocabulary,
    'unsupported-model',
    `The tokenizer gives the token ${largest}; the model knows ${vocabulary}. They do not belong together.`,
    { token: largest, vocabulary },
  )
  return tokenLoss(values, vocabulary, window.ids, window.scored)
}
