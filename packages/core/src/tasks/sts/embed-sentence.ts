import { MixbitError, ensure } from '../../base/error.ts'
import type { JobContext, NamedTensors, Session } from '../../base/host.ts'
import type { TaskModel } from '../task-model.ts'
import { answerOutput, outputValues } from '../task-model.ts'
import { textFeeds } from '../text/causal-feeds.ts'
import { sentenceIds } from './sentence-ids.ts'

/** How the vectors of the tokens become one vector of the sentence. */
export const POOLINGS = ['mean', 'first', 'none'] as const
export type Pooling = (typeof POOLINGS)[number]

export type EmbedInput = {
  readonly model: TaskModel
  /** Folder with the tokenizer. */
  readonly folder: string
  readonly sentences: readonly string[]
  /** Null: `none` for an output with one vector, else `mean`. */
  readonly pooling: Pooling | null
  /** Null: one that holds a sentence's vector, else the tokens' vectors. */
  readonly output: string | null
  /** Longer sentences are cut, special tokens kept. */
  readonly mostTokens: number
}

export type EmbedOutput = {
  /** One a sentence, shape (dimensions). */
  readonly embeddings: readonly Float32Array[]
  /** How many sentences were cut. */
  readonly cut: number
}

/** Output names of sentence-transformers' and transformers' exports, the most wanted first. */
const USUAL = ['sentence_embedding', 'last_hidden_state', 'token_embeddings', 'pooler_output']

/** The pool job `embed-sentence`: the vectors of some sentences. */
export async function embedSentence(input: EmbedInput, context: JobContext): Promise<EmbedOutput> {
  const session = await context.session(input.model.file, input.model.options)
  const tokenizer = await context.tokenizer(input.folder)
  const name = answerOutput(session, input.output, USUAL)
  const embeddings: Float32Array[] = []
  let cut = 0
  for (const sentence of input.sentences) {
    const { ids, isCut } = sentenceIds(tokenizer, sentence, input.mostTokens)
    if (isCut) cut += 1
    embeddings.push(await embed(session, ids, name, input.pooling))
  }
  return { embeddings, cut }
}

async function embed(
  session: Session,
  ids: readonly number[],
  name: string,
  pooling: Pooling | null,
): Promise<Float32Array> {
  ensure(
    ids.length > 0,
    'invalid-dataset',
    'A sentence has no tokens, so the model has nothing to embed. Remove it from the data set.',
  )
  const outputs = await session.run(textFeeds(session, ids), [name])
  return pooled(outputs, name, ids.length, pooling)
}

/**
 * One sentence goes through the model at a time, so every token is real and the mean needs no mask:
 * it is mean pooling with a mask of ones.
 */
function pooled(
  outputs: NamedTensors,
  name: string,
  tokens: number,
  wanted: Pooling | null,
): Float32Array {
  const values = outputValues(outputs[name], name)
  const shape = outputs[name]?.shape ?? []
  const hasTokens = shape.length === 3 && shape[0] === 1 && shape[1] === tokens
  const pooling = wanted ?? (hasTokens ? 'mean' : 'none')
  const fits = pooling === 'none' ? shape.filter((size) => size !== 1).length <= 1 : hasTokens
  if (!fits) {
    throw new MixbitError(
      'unsupported-model',
      `The output "${name}" has the shape ${shape.join(' x ')}, which pooling "${pooling}" of ${tokens} ` +
        'tokens cannot use. Name another with "output" in the dataset descriptor.',
      { output: name, shape, pooling },
    )
  }
  if (pooling === 'none') return values.slice()
  const size = shape[2] ?? 0
  return pooling === 'first' ? values.slice(0, size) : meanOfTokens(values, tokens, size)
}

function meanOfTokens(values: Float32Array, tokens: number, size: number): Float32Array {
  const sums = new Float64Array(size)
  for (let i = 0; i < values.length; i++) {
    const at = i % size
    sums[at] = (sums[at] ?? 0) + (values[i] ?? 0)
  }
  return Float32Array.from(sums, (sum) => sum / tokens)
}
