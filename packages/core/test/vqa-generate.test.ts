import { expect, test } from 'vitest'
import type { NamedTensors } from '../src/base/host.ts'
import { generate } from '../src/tasks/vqa/generate.ts'
import {
  DECODER_INPUTS,
  decoderSession,
  embedSession,
  functionSession,
} from './helpers/vqa-model.ts'

const OPTIONS = { imageTokenId: 9, eosTokenIds: [8], maxNewTokens: 5, maxPositions: 100 }
const features = (...values: readonly number[]): NamedTensors[string] => ({
  dtype: 'float32',
  shape: [1, values.length, 1],
  data: Float32Array.from(values),
})
const sessions = (decoder = decoderSession()) => ({
  embed_tokens: embedSession(),
  decoder_model_merged: decoder,
})
const numbers = (tensor: NamedTensors[string] | undefined): number[] =>
  [...(tensor?.data ?? [])].map(Number)

test('the picture takes the place of its token, and the answer grows until the end token', async () => {
  // 1 + (0.5 + 0) + 0 = 1.5 ties 1 and 2: the lowest wins. Then 2.5 -> 2, 4.5 -> 4, 8.5 -> end.
  const models = sessions()
  const { tokens, firstLogits, isBroken } = await generate(
    models,
    [1, 9, 0],
    features(0.5, 0),
    OPTIONS,
  )
  expect({ tokens, isBroken }).toEqual({ tokens: [1, 2, 4], isBroken: false })
  expect(Array.from(firstLogits).slice(0, 4)).toEqual([-1.5, -0.5, -0.5, -1.5])
  expect(models.embed_tokens.runs.map(({ feeds }) => numbers(feeds['input_ids']))).toEqual([
    [1, 0, 0],
    [1],
    [2],
    [4],
  ])
})

test('the first run sees the whole prompt and an empty cache, each later run one token', async () => {
  const models = sessions()
  await generate(models, [1, 9, 0], features(0.5, 0), OPTIONS)
  const runs = models.decoder_model_merged.runs.map(({ feeds }) => feeds)
  expect(runs.map((feeds) => numbers(feeds['inputs_embeds']))).toEqual([
    [1, 0.5, 0, 0],
    [1],
    [2],
    [4],
  ])
  expect(runs.map((feeds) => numbers(feeds['position_ids']))).toEqual([[0, 1, 2, 3], [4], [5], [6]])
  expect(runs.map((feeds) => feeds['attention_mask']?.shape)).toEqual([
    [1, 4],
    [1, 5],
    [1, 6],
    [1, 7],
  ])
  expect(runs.map((feeds) => feeds['past_key_values.0.key']?.shape)).toEqual([
    [1, 1, 0, 1],
    [1, 1, 4, 1],
    [1, 1, 5, 1],
    [1, 1, 6, 1],
  ])
  expect(runs[0]?.['num_logits_to_keep']).toEqual({
    dtype: 'int64',
    shape: [],
    data: BigInt64Array.of(1n),
  })
  expect(models.decoder_model_merged.runs[0]?.outputs).toEqual(['logits', 'present.0.key'])
})

test.for([
  { name: 'maxNewTokens', limits: { maxNewTokens: 2 }, tokens: [1, 2] },
  { name: 'the last position', limits: { maxPositions: 5 }, tokens: [1, 2] },
  { name: 'a prompt that fills every position', limits: { maxPositions: 4 }, tokens: [1] },
  { name: 'any of several end tokens', limits: { eosTokenIds: [8, 4] }, tokens: [1, 2] },
  { name: 'an end token at once', limits: { eosTokenIds: [1] }, tokens: [] },
])('decoding stops at $name', async ({ limits, tokens }) => {
  const generated = await generate(sessions(), [1, 9, 0], features(0.5, 0), {
    ...OPTIONS,
    ...limits,
  })
  expect(generated.tokens).toEqual(tokens)
})

test('an observer is told of every run, with every output', async () => {
  const models = sessions()
  const seen: string[] = []
  const observe = (session: string, outputs: NamedTensors): void => {
    seen.push(`${session}: ${Object.keys(outputs).join(' ')}`)
  }
  await generate(models, [1, 9, 0], features(0.5, 0), { ...OPTIONS, maxNewTokens: 2, observe })
  const decoder = 'decoder_model_merged: logits present.0.key extra'
  expect(seen).toEqual([
    'embed_tokens: inputs_embeds',
    decoder,
    'embed_tokens: inputs_embeds',
    decoder,
  ])
  expect(models.decoder_model_merged.runs[0]?.outputs).toBeUndefined()
})

test('scores that are all NaN end the answer and are reported', async () => {
  const broken = functionSession(DECODER_INPUTS, () => ({
    logits: { dtype: 'float32', shape: [1, 1, 2], data: Float32Array.of(Number.NaN, Number.NaN) },
  }))
  const generated = await generate(sessions(broken), [1, 9], features(1), OPTIONS)
  expect(generated).toMatchObject({ tokens: [], isBroken: true })
})

test('with all positions in the logits, only the last counts', async () => {
  const all = functionSession(DECODER_INPUTS, () => ({
    logits: { dtype: 'float32', shape: [1, 2, 2], data: Float32Array.of(9, 0, 0, 1) },
    'present.0.key': { dtype: 'float32', shape: [1, 1, 2, 1], data: new Float32Array(2) },
  }))
  const generated = await generate(sessions(all), [1, 9], features(1), {
    ...OPTIONS,
    maxNewTokens: 1,
  })
  expect(generated.tokens).toEqual([1])
})

test('a cache of half floats is carried as it is, and the merged branch is chosen', async () => {
  const inputs = DECODER_INPUTS.map((input) =>
    input.name.startsWith('past') ? { ...input, dtype: 'float16' } : input,
  )
  const decoder = decoderSession([
    ...inputs,
    { name: 'use_cache_branch', dtype: 'bool', shape: [1] },
  ])
  await generate(sessions(decoder), [1, 9], features(1), { ...OPTIONS, maxNewTokens: 2 })
  expect(decoder.runs[0]?.feeds['past_key_values.0.key']).toEqual({
    dtype: 'float16',
    shape: [1, 1, 0, 1],
    data: new Uint16Array(0),
  })
  expect(decoder.runs.map(({ feeds }) => numbers(feeds['use_cache_branch']))).toEqual([[0], [1]])
})

const withInput = (name: string, dtype: string, shape: readonly (number | string)[]) =>
  decoderSession([...DECODER_INPUTS, { name, dtype, shape }])

test.for([
  { name: 'no image token', prompt: [1], code: 'unsupported-model' },
  { name: 'two image tokens', prompt: [9, 1, 9], code: 'unsupported-model' },
  {
    name: 'a prompt beyond the last position',
    limits: { maxPositions: 3 },
    code: 'prompt-too-long',
  },
  {
    name: 'features of another width',
    image: { ...features(1, 2), shape: [1, 1, 2] },
    code: 'wrong-shape',
  },
  {
    name: 'features of two pictures',
    image: { ...features(1, 2), shape: [2, 1, 1] },
    code: 'wrong-shape',
  },
  {
    name: 'features of half floats',
    image: { dtype: 'float16', shape: [1, 1, 1], data: new Uint16Array(1) } as const,
    code: 'unsupported-dtype',
  },
  {
    name: 'an unknown input',
    decoder: withInput('cache_position', 'int64', [1]),
    code: 'unsupported-model',
  },
  {
    name: 'a cache of bytes',
    decoder: withInput('past_key_values.1.key', 'uint8', ['n']),
    code: 'unsupported-dtype',
  },
  {
    name: 'a cache that cannot be empty',
    decoder: withInput('past_key_values.1.key', 'float32', [1, 2]),
    code: 'unsupported-model',
  },
  {
    name: 'a cache that does not come back',
    decoder: withInput('past_key_values.1.key', 'float32', ['n']),
    code: 'unsupported-model',
  },
])('$name is a coded error', async ({ prompt = [1, 9, 0], limits = {}, image, decoder, code }) => {
  const options = { ...OPTIONS, ...limits }
  const running = generate(sessions(decoder), prompt, image ?? features(1, 2), options)
  await expect(running).rejects.toMatchObject({ code })
})
