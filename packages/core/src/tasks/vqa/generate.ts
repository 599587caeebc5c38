import { ensure } from '../../base/error.ts'
import type { NamedTensors, RuntimeTensor, Session } from '../../base/host.ts'
import { decoderFeeds, decodingOutputs, emptyPast, nextPast } from './decoder-feeds.ts'
import { floatData, int64Row, largestPosition } from './tensors.ts'

/** The graphs of a vision-language model in the transformers.js layout. */
const VLM_SESSIONS = ['vision_encoder', 'embed_tokens', 'decoder_model_merged'] as const

export type VlmSession = (typeof VLM_SESSIONS)[number]

/** Told after each run of a graph, with all that it gave. */
export type Observe = (session: VlmSession, outputs: NamedTensors) => void

/** The two graphs that turn tokens into the next token. */
export type LanguageSessions = {
  readonly embed_tokens: Session
  readonly decoder_model_merged: Session
}

export type GenerateOptions = {
  readonly imageTokenId: number
  readonly eosTokenIds: readonly number[]
  readonly maxNewTokens: number
  /** Positions that the model has, prompt and answer together. */
  readonly maxPositions: number
  /** With it every output of a graph is computed, else only those that decoding needs. */
  readonly observe?: Observe
}

export type Generated = {
  /** Without the end token. */
  readonly tokens: readonly number[]
  /** Scores of the first new token, shape (vocabulary). */
  readonly firstLogits: Float32Array
  /** The scores were all NaN at some point, and the answer was ended there. */
  readonly isBroken: boolean
}

/**
 * Greedy decoding with a KV cache: the most probable token each time, the lowest id of equal ones,
 * until an end token, `maxNewTokens` or the last position.
 *
 * @param prompt - token ids with exactly one image token
 * @param features - what takes its place: float32, shape (..., visual tokens, hidden size)
 */
export async function generate(
  sessions: LanguageSessions,
  prompt: readonly number[],
  features: RuntimeTensor,
  options: GenerateOptions,
): Promise<Generated> {
  const decoder = sessions.decoder_model_merged
  const tokens: number[] = []
  let embeds = await embedPrompt(sessions.embed_tokens, prompt, features, options)
  let past = emptyPast(decoder)
  let cached = 0
  let firstLogits: Float32Array | undefined
  for (;;) {
    const wanted = options.observe ? undefined : decodingOutputs(past)
    const outputs = await decoder.run(decoderFeeds(decoder, { embeds, past, cached }), wanted)
    options.observe?.('decoder_model_merged', outputs)
    const logits = lastLogits(outputs)
    firstLogits ??= logits.slice()
    cached += embeds.shape[1] ?? 0
    const token = largestPosition(logits)
    const isBroken = token < 0
    if (isBroken || options.eosTokenIds.includes(token)) return { tokens, firstLogits, isBroken }
    tokens.push(token)
    if (tokens.length >= options.maxNewTokens || cached >= options.maxPositions) {
      return { tokens, firstLogits, isBroken }
    }
    past = nextPast(past, outputs)
    embeds = await embed(sessions.embed_tokens, [token], options.observe)
  }
}

/** The scores of the last position: float32, shape (vocabulary). */
function lastLogits(outputs: NamedTensors): Float32Array {
  const data = floatData(outputs['logits'], 'logits')
  const vocabulary = outputs['logits']?.shape.at(-1) ?? 0
  ensure(
    vocabulary > 0 && data.length >= vocabulary,
    'wrong-shape',
    `The decoder's logits have the shape ${outputs['logits']?.shape.join(' x ')}.`,
  )
  return data.subarray(data.length - vocabulary)
}

/** Embeds the prompt and puts the features in the place of its one image token. */
async function embedPrompt(
  session: Session,
  prompt: readonly number[],
  features: RuntimeTensor,
  options: GenerateOptions,
): Promise<RuntimeTensor> {
  const { imageTokenId, maxPositions, observe } = options
  const at = prompt.indexOf(imageTokenId)
  const count = prompt.filter((id) => id === imageTokenId).length
  ensure(
    count === 1,
    'unsupported-model',
    `The prompt has ${count} image tokens (id ${imageTokenId}) where one is needed. ` +
      "Check the model's chat template and image_token_index.",
    { count, imageTokenId },
  )
  const visual = features.shape.at(-2) ?? 0
  const length = prompt.length - 1 + visual
  ensure(
    length <= maxPositions,
    'prompt-too-long',
    `The prompt takes ${length} positions (${visual} of them the picture); the model has ${maxPositions}.`,
    { length, maxPositions },
  )
  // The image token itself may lie outside of the table; its row is replaced anyway.
  const ids = prompt.map((id) => (id === imageTokenId ? 0 : id))
  return spliceRows(await embed(session, ids, observe), at, features)
}

async function embed(
  session: Session,
  ids: readonly number[],
  observe: Observe | undefined,
): Promise<RuntimeTensor> {
  const wanted = observe ? undefined : ['inputs_embeds']
  const outputs = await session.run({ input_ids: int64Row(ids) }, wanted)
  observe?.('embed_tokens', outputs)
  const embeds = outputs['inputs_embeds']
  const data = floatData(embeds, 'inputs_embeds')
  const hidden = embeds?.shape.at(-1) ?? 0
  ensure(
    data.length === ids.length * hidden,
    'wrong-shape',
    `The embedding of ${ids.length} tokens has the shape ${embeds?.shape.join(' x ')}.`,
  )
  return { dtype: 'float32', shape: [1, ids.length, hidden], data }
}

/** Puts the rows of `features` in the place of row `at`. */
function spliceRows(embeds: RuntimeTensor, at: number, features: RuntimeTensor): RuntimeTensor {
  const table = floatData(embeds, 'inputs_embeds')
  const rows = floatData(features, 'image_features')
  const hidden = embeds.shape.at(-1) ?? 0
  const visual = features.shape.at(-2) ?? 0
  ensure(
    features.shape.at(-1) === hidden && rows.length === visual * hidden,
    'wrong-shape',
    `The vision encoder gives the shape ${features.shape.join(' x ')}; one picture with vectors of ${hidden} is needed.`,
    { shape: features.shape, hidden },
  )
  const data = new Float32Array(table.length - hidden + rows.length)
  data.set(table.subarray(0, at * hidden))
  data.set(rows, at * hidden)
  data.set(table.subarray((at + 1) * hidden), at * hidden + rows.length)
  return { dtype: 'float32', shape: [1, data.length / hidden, hidden], data }
}
