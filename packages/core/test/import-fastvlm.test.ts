import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'

import { MixbitError } from '../src/base/error.ts'
import {
  type FastvlmFolder,
  type FastvlmModel,
  importFastvlm,
} from '../src/convert/fastvlm/import-fastvlm.ts'
import { readFastvlm } from '../src/convert/fastvlm/read-fastvlm.ts'
import type { Graph } from '../src/graph/graph.ts'
import { reshaped } from '../src/tensor/derive.ts'
import { elementsOf, rowsOf, type Weight } from '../src/tensor/weight.ts'
import { nanoFolder } from './helpers/nano.ts'
import { memoryFolder, safetensorsFile, type StoredTensor } from './helpers/safetensors.ts'
import { float32Weight } from './helpers/weights.ts'

let nano: FastvlmFolder
let reference: FastvlmModel

beforeAll(async () => {
  nano = await nanoFolder()
  reference = await importFastvlm(nano)
})

const sessionsOf = (model: FastvlmModel): readonly Graph[] => Object.values(model.sessions)

const withWeights = (weights: ReadonlyMap<string, Weight>): FastvlmFolder => ({ ...nano, weights })

const withConfig = (changes: Readonly<Record<string, unknown>>): FastvlmFolder => ({
  ...nano,
  config: { ...nano.config, ...changes },
})

async function errorOf(folder: FastvlmFolder): Promise<MixbitError | undefined> {
  try {
    await importFastvlm(folder)
    return undefined
  } catch (error) {
    if (error instanceof MixbitError) return error
    throw error
  }
}

/** The same tensors under other names; `undefined` keeps a tensor out. */
function renamed(
  weights: ReadonlyMap<string, Weight>,
  rename: (name: string) => string | undefined,
): ReadonlyMap<string, Weight> {
  const result = new Map<string, Weight>()
  for (const [name, weight] of weights) {
    const other = rename(name)
    if (other !== undefined) result.set(other, { ...weight, name: other })
  }
  return result
}

const replaceAll = (name: string, rules: readonly (readonly [RegExp, string])[]): string =>
  rules.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), name)

/** Names of transformers' `fast_vlm`; the stages are those of the fixture. */
const toTransformers = (name: string): string =>
  replaceAll(name, [
    [/network\.0\.(\d+)/, 'stages.0.blocks.$1'],
    [/network\.1\.proj/, 'stages.1.downsample.proj'],
    [/network\.2\.(\d+)/, 'stages.1.blocks.$1'],
    [/network\.3\.proj/, 'stages.2.downsample.proj'],
    [/network\.4\.(\d+)/, 'stages.2.blocks.$1'],
    [/network\.5\.proj/, 'stages.3.downsample.proj'],
    [/network\.6\.reparam_conv/, 'stages.3.pos_emb.reparam_conv'],
    [/network\.7\.(\d+)/, 'stages.3.blocks.$1'],
    [/vision_tower\.vision_tower\.model/, 'vision_tower.timm_model'],
    [/patch_embed/, 'stem'],
    [/(layer_scale(_\d)?)$/, '$1.gamma'],
    [/conv_exp/, 'final_conv'],
    [/se\.reduce/, 'se.fc1'],
    [/se\.expand/, 'se.fc2'],
    [/convffn/, 'mlp'],
    [/lkb_reparam/, 'reparam_conv'],
    [/^model\.(layers|embed_tokens|norm)\b/, 'model.language_model.$1'],
    [/mm_projector\.0/, 'multi_modal_projector.linear_1'],
    [/mm_projector\.2/, 'multi_modal_projector.linear_2'],
  ])

const toMlx = (name: string): string =>
  replaceAll(name, [
    [/^model\.vision_tower\.vision_tower\.model\./, 'vision_tower.vision_model.'],
    [/patch_embed\./, 'patch_embed.blocks.'],
    [/^model\.(layers|embed_tokens|norm)\b/, 'language_model.model.$1'],
    [/^model\.mm_projector\./, 'multi_modal_projector.linear_'],
  ])

/** MLX keeps input channels of convolutions, and channels of layer scales, on the last axis. */
async function channelsLast(weight: Weight): Promise<Weight> {
  const [out = 0, inputs = 0, height = 0, width] = weight.shape
  if (weight.shape.length === 3) return reshaped(weight, [1, 1, out])
  if (width === undefined) return weight
  const values = await weight.readRows(0, out)
  const kernel = height * width
  const moved = Array.from(values, (_, i) => {
    const channel = i % inputs
    const tap = Math.floor(i / inputs) % kernel
    const filter = Math.floor(i / (inputs * kernel))
    return values[(filter * inputs + channel) * kernel + tap] ?? NaN
  })
  return float32Weight(weight.name, [out, height, width, inputs], moved)
}

/** The values as text: comparing thousands of array elements is slow. */
async function bytesOf(weight: Weight): Promise<string> {
  return Buffer.from((await weight.readRows(0, rowsOf(weight.shape))).buffer).toString('base64')
}

async function expectSameModel(model: FastvlmModel): Promise<void> {
  for (const [i, graph] of sessionsOf(model).entries()) {
    const expected = sessionsOf(reference)[i]
    expect(graph.nodes).toEqual(expected?.nodes)
    expect([...graph.weights.keys()]).toEqual([...(expected?.weights.keys() ?? [])])
    for (const [name, { layer, component, weight }] of graph.weights) {
      const other = expected?.weights.get(name)
      expect({ layer, component }).toEqual({ layer: other?.layer, component: other?.component })
      expect(weight.shape).toEqual(other?.weight.shape)
      expect(await bytesOf(weight), name).toBe(other && (await bytesOf(other.weight)))
    }
  }
}

describe('three layouts of one checkpoint', () => {
  test('names of transformers give the same graphs', async () => {
    const { rope_theta, ...text } = nano.config
    const config = {
      model_type: 'fast_vlm',
      image_token_id: 3,
      projector_hidden_act: 'gelu',
      vision_config: { architecture: 'fastvit_mci3' },
      text_config: {
        ...text,
        model_type: 'qwen2',
        rope_parameters: { rope_theta, rope_type: 'default' },
      },
    }
    const weights = renamed(nano.weights, toTransformers)
    const model = await importFastvlm({ ...nano, config, weights })
    expect(model.findings).toEqual([])
    await expectSameModel(model)
  })

  test('names and convolution weights of MLX give the same graphs', async () => {
    const weights = new Map<string, Weight>()
    for (const [name, weight] of renamed(nano.weights, toMlx)) {
      if (!name.includes('num_batches')) weights.set(name, await channelsLast(weight))
    }
    const model = await importFastvlm(withWeights(weights))
    expect(model.findings).toEqual([])
    await expectSameModel(model)
  })
})

describe('layers', () => {
  test('are named by component and released name, and weights keep their stored bytes', () => {
    const layers = sessionsOf(reference).flatMap(({ weights }) => [...weights.values()])
    const names = layers.map(({ layer }) => layer)
    expect(names).toEqual(
      expect.arrayContaining([
        'vision_encoder.network.4.0.convffn.fc1.weight',
        'vision_encoder.network.4.0.convffn.conv.conv.weight',
        'vision_encoder.network.4.0.convffn.conv.conv.bias',
        'fusion_layers.0.weight',
        'text_encoder.weight',
        'decoder.layers.0.self_attn.q_proj.weight',
        'decoder.norm.weight',
      ]),
    )
    expect(new Set(layers.map(({ component }) => component))).toEqual(
      new Set(['vision_encoder', 'fusion_layers', 'text_encoder', 'decoder']),
    )
    const derived = layers.filter(({ weight }) => !weight.readStoredRows)
    expect(derived.every(({ layer }) => layer.includes('convffn.conv.conv.'))).toBe(true)
  })

  test('the table is one weight in both graphs that hold it', () => {
    const { embed_tokens, decoder_model_merged } = reference.sessions
    const table = embed_tokens.weights.get('embed_tokens.weight')
    expect(table).toBeDefined()
    expect(decoder_model_merged.weights.get('embed_tokens.weight')).toBe(table)
  })
})

describe('the output head', () => {
  const table = 'model.embed_tokens.weight'

  test('stored as a copy of the table is the table', async () => {
    const copy = nano.weights.get(table)
    if (!copy) throw new TypeError('no table')
    const weights = new Map([
      ...nano.weights,
      ['lm_head.weight', { ...copy, name: 'lm_head.weight' }],
    ])
    const model = await importFastvlm(withWeights(weights))
    expect(model.tied).toBe(true)
    await expectSameModel(model)
  })

  test('with one other value is a weight of its own, whatever the configuration claims', async () => {
    const values = await nano.weights.get(table)?.readRows(0, 512)
    const changed = [...(values ?? [])]
    changed[changed.length - 1] = 9
    const head = float32Weight('lm_head.weight', [512, 192], changed)
    const model = await importFastvlm(
      withWeights(new Map([...nano.weights, ['lm_head.weight', head]])),
    )
    expect(model.tied).toBe(false)
    expect(model.findings.map(({ code }) => code)).toEqual(['tied-flag'])
    const { weights } = model.sessions.decoder_model_merged
    expect(weights.get('decoder.lm_head.weight')?.layer).toBe('decoder.lm_head.weight')
    expect(weights.has('embed_tokens.weight')).toBe(false)
  })
})

describe('other tensors', () => {
  test('each tensor that is missing is named', async () => {
    for (const missing of nano.weights.keys()) {
      if (missing.endsWith('num_batches_tracked')) continue
      const error = await errorOf(
        withWeights(renamed(nano.weights, (name) => (name === missing ? undefined : name))),
      )
      expect(error, missing).toMatchObject({ code: 'missing-tensor', facts: { tensor: missing } })
    }
  })

  test('each tensor with an axis too long is refused', async () => {
    for (const [name, weight] of nano.weights) {
      if (name.endsWith('num_batches_tracked')) continue
      for (const axis of weight.shape.keys()) {
        // More rows are a larger vocabulary; more inputs of a depthwise filter are fewer groups.
        const isFree = name.includes('embed_tokens') || (axis === 1 && weight.shape[1] === 1)
        if (isFree) continue
        const shape = weight.shape.map((size, i) => (i === axis ? size + 1 : size))
        const weights = new Map([...nano.weights, [name, { ...weight, shape }]])
        const error = await errorOf(withWeights(weights))
        expect(error?.code, `${name} [${shape.join(', ')}]`).toBe('wrong-shape')
      }
    }
  })

  test('an unknown tensor is a finding', async () => {
    const weights = new Map([
      ...nano.weights,
      ['model.extra', float32Weight('model.extra', [1], [1])],
    ])
    const { findings } = await importFastvlm(withWeights(weights))
    expect(findings).toMatchObject([{ code: 'unknown-tensor', subject: 'model.extra' }])
  })

  test('thousands of unknown tensors give a short list', async () => {
    const extra = Array.from(
      { length: 3_000 },
      (_, i) => [`x.${i}`, float32Weight('x', [1], [1])] as const,
    )
    const { findings } = await importFastvlm(withWeights(new Map([...nano.weights, ...extra])))
    expect(findings.length).toBe(21)
    expect(findings.at(-1)?.message).toContain('2980')
  })

  test.for([
    {
      name: 'a branch for training',
      tensor: 'model.vision_tower.vision_tower.model.patch_embed.0.rbr_conv.0.conv.weight',
      code: 'unsupported-model',
    },
    {
      name: 'scales of a quantized checkpoint',
      tensor: 'model.layers.0.mlp.up_proj.scales',
      code: 'unsupported-model',
    },
    {
      name: 'a second spelling of a tensor',
      tensor: 'language_model.model.norm.weight',
      code: 'malformed',
    },
  ])('$name gives $code', async ({ tensor, code }) => {
    const weights = new Map([
      ...nano.weights,
      [tensor, float32Weight(tensor, [192], Array(192).fill(1))],
    ])
    expect((await errorOf(withWeights(weights)))?.code).toBe(code)
  })

  test('a checkpoint of the language model alone says so', async () => {
    const weights = renamed(nano.weights, (name) => (name.includes('vision') ? undefined : name))
    const error = await errorOf(withWeights(weights))
    expect(error).toMatchObject({ code: 'missing-tensor' })
    expect(error?.message).toContain('language model')
  })

  test('integers in place of a weight are refused', async () => {
    const name = 'model.norm.weight'
    const weight: Weight = { ...float32Weight(name, [192], Array(192).fill(1)), dtype: 'uint32' }
    const error = await errorOf(withWeights(new Map([...nano.weights, [name, weight]])))
    expect(error?.code).toBe('unsupported-dtype')
  })
})

describe('the configuration', () => {
  test.for([
    { change: { model_type: 'llama' }, code: 'unsupported-model' },
    { change: { model_type: undefined }, code: 'unsupported-model' },
    { change: { num_attention_heads: 0 }, code: 'malformed' },
    { change: { num_attention_heads: 7, head_dim: null }, code: 'malformed' },
    { change: { num_key_value_heads: 4 }, code: 'malformed' },
    { change: { num_key_value_heads: 12 }, code: 'malformed' },
    { change: { head_dim: 33 }, code: 'malformed' },
    { change: { head_dim: 64 }, code: 'wrong-shape' },
    { change: { hidden_size: 191.5 }, code: 'malformed' },
    { change: { hidden_size: 1e300 }, code: 'malformed' },
    { change: { hidden_size: undefined }, code: 'malformed' },
    { change: { hidden_size: 96 }, code: 'wrong-shape' },
    { change: { num_hidden_layers: 2 ** 31 }, code: 'malformed' },
    { change: { num_hidden_layers: 5 }, code: 'missing-tensor' },
    { change: { rms_norm_eps: NaN }, code: 'malformed' },
    { change: { rms_norm_eps: '1e-6' }, code: 'malformed' },
    { change: { rope_theta: 0 }, code: 'malformed' },
    { change: { rope_scaling: { type: 'yarn', factor: 4 } }, code: 'unsupported-model' },
    { change: { rope_scaling: { factor: 4 } }, code: 'unsupported-model' },
    { change: { hidden_act: 'gelu' }, code: 'unsupported-model' },
    { change: { use_sliding_window: true }, code: 'unsupported-model' },
    { change: { mm_projector_type: 'linear' }, code: 'unsupported-model' },
    { change: { mm_projector_type: 'mlp3x_gelu' }, code: 'missing-tensor' },
    { change: { eos_token_id: [1, -1] }, code: 'malformed' },
    { change: { text_config: [] }, code: 'malformed' },
  ])('$change gives $code', async ({ change, code }) => {
    const folder = { ...withConfig(change), generation: undefined }
    expect((await errorOf(folder))?.code).toBe(code)
  })

  test('fewer layers than the checkpoint has leave the rest out, with findings', async () => {
    const { findings } = await importFastvlm(withConfig({ num_hidden_layers: 3 }))
    expect(findings.length).toBe(12)
  })

  test.for([
    { preprocessor: { crop_size: { height: 96, width: 128 } }, tokens: 12 },
    { preprocessor: { crop_size: 64, do_center_crop: true }, tokens: 4 },
    {
      preprocessor: { crop_size: 64, do_center_crop: false, size: { shortest_edge: 256 } },
      tokens: 64,
    },
    { preprocessor: { size: 100 }, tokens: 16 },
    { preprocessor: undefined, tokens: 36 },
  ])('$preprocessor makes $tokens visual tokens', async ({ preprocessor, tokens }) => {
    expect((await importFastvlm({ ...nano, preprocessor })).facts.imageTokens).toBe(tokens)
  })

  test.for([
    { preprocessor: { crop_size: 0 }, tower: 'mobileclip_l_1024', code: 'malformed' },
    { preprocessor: { crop_size: { height: 64 } }, tower: 'mobileclip_l_1024', code: 'malformed' },
    { preprocessor: undefined, tower: 'mobileclip_l_99999', code: 'malformed' },
    { preprocessor: undefined, tower: 'mobileclip_l', code: 'unsupported-model' },
  ])('$preprocessor and tower $tower give $code', async ({ preprocessor, tower, code }) => {
    const folder = { ...withConfig({ mm_vision_tower: tower }), preprocessor }
    expect((await errorOf(folder))?.code).toBe(code)
  })

  test('an image token outside of the table is a finding', async () => {
    for (const image_token_index of [-200, 512, null]) {
      const { findings } = await importFastvlm(withConfig({ image_token_index }))
      expect(findings).toMatchObject([{ code: 'image-token' }])
    }
  })

  test('any value under any key is imported or refused with a code', async () => {
    const keys = Object.keys(nano.config)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...keys), fc.jsonValue(), async (key, value) => {
        const error = await errorOf(withConfig({ [key]: value }))
        expect(error === undefined || error instanceof MixbitError).toBe(true)
      }),
      { numRuns: 300, seed: 1 },
    )
  })
})

describe('a folder', () => {
  const files = async (): Promise<Record<string, Uint8Array | string>> => {
    const shards: Record<string, StoredTensor>[] = [{}, {}]
    const map: Record<string, string> = {}
    for (const [i, [name, { dtype, shape, readStoredRows }]] of [...nano.weights].entries()) {
      const bytes = await readStoredRows?.(0, rowsOf(shape))
      Object.assign(shards[i % 2] ?? {}, {
        [name]: { dtype: dtype === 'int64' ? 'I64' : 'F16', shape, bytes },
      })
      map[name] = `model-${i % 2}.safetensors`
    }
    return {
      'config.json': JSON.stringify(nano.config),
      'preprocessor_config.json': JSON.stringify(nano.preprocessor),
      'model.safetensors.index.json': JSON.stringify({ weight_map: map }),
      'model-0.safetensors': safetensorsFile(shards[0] ?? {}),
      'model-1.safetensors': safetensorsFile(shards[1] ?? {}),
    }
  }

  test('in shards gives the same graphs, and closes its files', async () => {
    const host = memoryFolder(await files())
    const open = await readFastvlm(host, 'folder')
    await expectSameModel(open.model)
    expect(open.files).toEqual(['model-0.safetensors', 'model-1.safetensors'])
    await open.close()
    expect(host.openFiles()).toBe(0)
  })

  test('that is no model leaves no file open', async () => {
    const host = memoryFolder({ ...(await files()), 'config.json': '{"model_type": "llama"}' })
    await expect(readFastvlm(host, 'folder')).rejects.toMatchObject({ code: 'unsupported-model' })
    expect(host.openFiles()).toBe(0)
  })

  test('without config.json is refused', async () => {
    const { 'config.json': _, ...rest } = await files()
    const folder = readFastvlm(memoryFolder(rest), 'folder')
    await expect(folder).rejects.toMatchObject({ code: 'not-found' })
  })
})

test('elements of the folded graphs equal those of the checkpoint less the statistics', () => {
  const stored = [...nano.weights].filter(([name]) => !/running_|num_batches/.test(name))
  const parameters = stored.reduce((sum, [, { shape }]) => sum + elementsOf(shape), 0)
  const layers = new Map(
    sessionsOf(reference).flatMap(({ weights }) =>
      [...weights.values()].map(({ layer, weight }) => [layer, weight] as const),
    ),
  )
  const folded = [...layers.values()].reduce((sum, { shape }) => sum + elementsOf(shape), 0)
  // Gamma and beta of a batch norm become one bias: 1, 2, 4 and 2 blocks of 32, 64, 128, 256.
  expect(parameters - folded).toBe(32 + 2 * 64 + 4 * 128 + 2 * 256)
})
