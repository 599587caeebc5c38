import { beforeAll, describe, expect, test } from 'vitest'

import {
  type FastvlmModel,
  importFastvlm,
  type SessionName,
} from '../src/convert/fastvlm/import-fastvlm.ts'
import { rowsOf, type Weight } from '../src/tensor/weight.ts'
import { nanoFolder, nanoTensors } from './helpers/nano.ts'
import { int64Value, openSession, relativeError, runSession, type Value } from './helpers/onnx.ts'

/** Set by the acceptance of the importer: PyTorch and ONNX Runtime sum in different orders. */
const LIMIT = 1e-4

type Result = ReadonlyMap<string, Value & { readonly data: Float32Array }>
type Run = (inputs: Readonly<Record<string, Value>>) => Promise<Result>

let model: FastvlmModel
let golden: ReadonlyMap<string, Weight>
const run = new Map<SessionName, Run>()

async function valuesOf(name: string): Promise<Value & { readonly data: Float32Array }> {
  const weight = golden.get(name)
  if (!weight) throw new TypeError(`No golden tensor ${name}.`)
  return { shape: weight.shape, data: await weight.readRows(0, rowsOf(weight.shape)) }
}

async function inputIds(): Promise<Value> {
  const weight = golden.get('input_ids')
  const bytes = await weight?.readStoredRows?.(0, 1)
  if (!bytes) throw new TypeError('No golden input_ids.')
  return { shape: weight?.shape ?? [], data: new BigInt64Array(bytes.slice().buffer) }
}

const runNow = async (
  session: SessionName,
  inputs: Readonly<Record<string, Value>>,
): Promise<Result> => {
  const call = run.get(session)
  if (!call) throw new TypeError(`Session ${session} is not open.`)
  return call(inputs)
}

const dataOf = (result: Result, name: string): Float32Array =>
  result.get(name)?.data ?? new Float32Array(0)

beforeAll(async () => {
  model = await importFastvlm(await nanoFolder())
  golden = await nanoTensors('reference/golden.safetensors')
  for (const name of ['vision_encoder', 'embed_tokens', 'decoder_model_merged'] as const) {
    const session = await openSession(model.sessions[name])
    run.set(name, (inputs) => runSession(session, inputs))
  }
})

/** The decoder's inputs for hidden states of `batch` sequences after `past` earlier places. */
function decoderInputs(
  embeds: Value,
  options: { readonly keep: number; readonly past?: Result; readonly mask?: readonly number[] },
): Record<string, Value> {
  const [batch = 0, length = 0] = embeds.shape
  const { kvHeads, headDim, layers } = model.facts
  const [, , pastLength = 0] = options.past?.get('present.0.key')?.shape ?? []
  const total = pastLength + length
  const places = Array.from({ length: batch * length }, (_, i) => pastLength + (i % length))
  const inputs: Record<string, Value> = {
    inputs_embeds: embeds,
    attention_mask: int64Value([batch, total], options.mask ?? Array(batch * total).fill(1)),
    position_ids: int64Value([batch, length], places),
    num_logits_to_keep: int64Value([], [options.keep]),
  }
  const empty: Value = { shape: [batch, kvHeads, 0, headDim], data: new Float32Array(0) }
  for (let i = 0; i < layers; i++) {
    for (const part of ['key', 'value']) {
      inputs[`past_key_values.${i}.${part}`] = options.past?.get(`present.${i}.${part}`) ?? empty
    }
  }
  return inputs
}

/** Places [start, end) of the one sequence of hidden states. */
function places(embeds: Value, start: number, end: number): Value {
  const [, , hidden = 0] = embeds.shape
  const data = embeds.data.slice(start * hidden, end * hidden)
  return { shape: [1, end - start, hidden], data }
}

describe('against the outputs that PyTorch recorded', () => {
  test('two pictures give the visual tokens', async () => {
    const result = await runNow('vision_encoder', { pixel_values: await valuesOf('pixel_values') })
    const expected = await valuesOf('image_features')
    expect(result.get('image_features')?.shape).toEqual(expected.shape)
    expect(relativeError(dataOf(result, 'image_features'), expected.data)).toBeLessThan(LIMIT)
  })

  test('token numbers give their embeddings', async () => {
    const result = await runNow('embed_tokens', { input_ids: await inputIds() })
    const expected = await valuesOf('inputs_embeds')
    expect(relativeError(dataOf(result, 'inputs_embeds'), expected.data)).toBe(0)
  })

  test.for(['logits', 'present.0.key', 'present.0.value'])('the decoder gives %s', async (name) => {
    const embeds = await valuesOf('decoder_inputs_embeds')
    const result = await runNow('decoder_model_merged', decoderInputs(embeds, { keep: 0 }))
    const expected = await valuesOf(name)
    expect(result.get(name)?.shape).toEqual(expected.shape)
    expect(relativeError(dataOf(result, name), expected.data)).toBeLessThan(LIMIT)
  })
})

describe('the decoder', () => {
  const decode = async (inputs: Record<string, Value>): Promise<Result> =>
    runNow('decoder_model_merged', inputs)

  test('keeps as many of the last logits as it is asked for', async () => {
    const embeds = await valuesOf('decoder_inputs_embeds')
    const expected = await valuesOf('logits')
    const vocabulary = model.facts.vocabularyRows
    for (const keep of [1, 3, 51, 500]) {
      const result = await decode(decoderInputs(embeds, { keep }))
      const count = Math.min(keep, 51)
      expect(result.get('logits')?.shape).toEqual([1, count, vocabulary])
      const last = expected.data.slice(-count * vocabulary)
      expect(relativeError(dataOf(result, 'logits'), last)).toBeLessThan(LIMIT)
    }
  })

  test('with a cache gives the same as without, one place and several places at a time', async () => {
    const embeds = await valuesOf('decoder_inputs_embeds')
    const whole = await decode(decoderInputs(embeds, { keep: 1 }))
    for (const start of [50, 40, 1]) {
      const past = await decode(decoderInputs(places(embeds, 0, start), { keep: 1 }))
      const inputs = decoderInputs(places(embeds, start, 51), { keep: 1, past })
      const rest = await decode(inputs)
      for (const name of ['logits', 'present.0.key', 'present.3.value']) {
        expect(rest.get(name)?.shape).toEqual(whole.get(name)?.shape)
        expect(relativeError(dataOf(rest, name), dataOf(whole, name))).toBeLessThan(1e-5)
      }
    }
  })

  test('treats each sequence of a batch alone, and padding on the left as absent', async () => {
    const embeds = await valuesOf('decoder_inputs_embeds')
    const hidden = model.facts.hiddenSize
    const padding = 5
    const short = places(embeds, padding, 51)
    const alone = await decode(decoderInputs(short, { keep: 1 }))
    const whole = await decode(decoderInputs(embeds, { keep: 1 }))
    const batch: Value = {
      shape: [2, 51, hidden],
      data: Float32Array.from([
        ...embeds.data,
        ...new Float32Array(padding * hidden).fill(100),
        ...short.data,
      ]),
    }
    const mask = Array.from({ length: 102 }, (_, i) => (i >= 51 && i < 51 + padding ? 0 : 1))
    const both = dataOf(await decode(decoderInputs(batch, { keep: 1, mask })), 'logits')
    const half = both.length / 2
    expect(relativeError(both.slice(0, half), dataOf(whole, 'logits'))).toBeLessThan(1e-5)
    // Rotary attention depends on distances only, so later positions change no logits.
    expect(relativeError(both.slice(half), dataOf(alone, 'logits'))).toBeLessThan(1e-4)
  })
})

test('facts and findings of the fixture', () => {
  expect(model.tied).toBe(true)
  expect(model.findings).toEqual([])
  expect(model.facts).toMatchObject({
    hiddenSize: 192,
    layers: 4,
    heads: 6,
    kvHeads: 2,
    headDim: 32,
    vocabularyRows: 512,
    imageTokenId: 3,
    eosTokenIds: [2],
    imageSize: { height: 192, width: 192 },
    imageTokens: 36,
    patchSize: 32,
  })
})
