import { ensure, MixbitError } from '../../base/error.ts'
import { isJsonObject, type JsonObject } from '../../base/json-file.ts'
import {
  badValue,
  booleanOf,
  integerOf,
  type JsonFile,
  numberOf,
  objectOf,
  requiredInteger,
  textOf,
  valueOf,
} from './json-values.ts'

/** The JSON files of a checkpoint folder that the importer reads. */
export type ConfigFiles = {
  /** config.json */
  readonly config: JsonObject
  /** preprocessor_config.json */
  readonly preprocessor?: JsonObject | undefined
  /** generation_config.json */
  readonly generation?: JsonObject | undefined
}

/** What the configuration says and the tensors cannot. */
export type FastvlmConfig = {
  readonly hiddenSize: number
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly ropeTheta: number
  readonly rmsNormEpsilon: number
  readonly projectorLayers: number
  readonly projectorHasBias: boolean
  readonly imageSize: { readonly height: number; readonly width: number }
  /** The token that stands for one visual token; absent in some released configurations. */
  readonly imageTokenId: number | undefined
  readonly eosTokenIds: readonly number[]
  readonly maxPositions: number | undefined
  /** What the configuration claims about the output head; unreliable. */
  readonly claimsTied: boolean | undefined
}

const MODEL_TYPES: ReadonlySet<string> = new Set(['llava_qwen2', 'fast_vlm', 'fastvlm'])
const TEXT_MODEL_TYPES: ReadonlySet<string> = new Set(['qwen2', ...MODEL_TYPES])

/** Far above FastVLM-7B (3,584 and 28 layers); keeps a hostile file from asking for the absurd. */
const MAX_HIDDEN = 65_536
const MAX_LAYERS = 1_000
const MAX_TOKEN_ID = 2 ** 31 - 1

/** Released models take 1024; the encoder's attention grows with the fourth power of it. */
const IMAGE_EDGE = { min: 32, max: 4_096 } as const

/** Reads and checks the configuration of a FastVLM checkpoint in any of its layouts. */
export function readConfig(files: ConfigFiles): FastvlmConfig {
  const root: JsonFile = { file: 'config.json', values: files.config }
  const nested = objectOf(root, 'text_config')
  const text: JsonFile = { file: root.file, values: { ...root.values, ...nested.values } }
  checkSupported(root, text)
  return {
    ...attentionSizes(text),
    layers: requiredInteger(text, 'num_hidden_layers', { min: 1, max: MAX_LAYERS }),
    ropeTheta: ropeTheta(text),
    rmsNormEpsilon: numberOf(text, 'rms_norm_eps', { min: 0, max: 0.1 }) ?? 1e-6,
    projectorLayers: projectorLayers(root),
    projectorHasBias: booleanOf(root, 'multimodal_projector_bias') !== false,
    imageSize: imageSize(root, files.preprocessor),
    imageTokenId: imageTokenId(root),
    eosTokenIds: eosTokenIds(text, files.generation),
    maxPositions: integerOf(text, 'max_position_embeddings', { min: 1, max: MAX_TOKEN_ID }),
    claimsTied: booleanOf(text, 'tie_word_embeddings'),
  }
}

function checkSupported(root: JsonFile, text: JsonFile): void {
  requireOneOf(textOf(root, 'model_type') ?? '', MODEL_TYPES, 'model_type')
  requireOneOf(textOf(text, 'model_type') ?? '', TEXT_MODEL_TYPES, 'text_config.model_type')
  requireOneOf(textOf(text, 'hidden_act') ?? 'silu', new Set(['silu']), 'hidden_act')
  requireOneOf(
    textOf(root, 'projector_hidden_act') ?? 'gelu',
    new Set(['gelu']),
    'projector_hidden_act',
  )
  ensure(
    booleanOf(text, 'use_sliding_window') !== true,
    'unsupported-model',
    '"config.json": sliding window attention is not supported.',
    { key: 'use_sliding_window' },
  )
}

/** The number of linear layers in names such as `mlp2x_gelu`. */
function projectorLayers(root: JsonFile): number {
  const kind = textOf(root, 'mm_projector_type') ?? 'mlp2x_gelu'
  const layers = /^mlp([1-9])x_gelu$/.exec(kind)?.[1]
  ensure(
    layers !== undefined,
    'unsupported-model',
    `"config.json": mm_projector_type "${kind.slice(0, 100)}" is not supported; mlp2x_gelu is.`,
    { key: 'mm_projector_type', value: kind.slice(0, 100) },
  )
  return Number(layers)
}

function requireOneOf(value: string, known: ReadonlySet<string>, key: string): void {
  ensure(
    known.has(value),
    'unsupported-model',
    `"config.json": ${key} "${value.slice(0, 100)}" is not supported; ${[...known].join(', ')} ` +
      `${known.size === 1 ? 'is' : 'are'}.`,
    { key, value: value.slice(0, 100) },
  )
}

function attentionSizes(
  text: JsonFile,
): Pick<FastvlmConfig, 'hiddenSize' | 'heads' | 'kvHeads' | 'headDim'> {
  const hiddenSize = requiredInteger(text, 'hidden_size', { min: 1, max: MAX_HIDDEN })
  const heads = requiredInteger(text, 'num_attention_heads', { min: 1, max: MAX_HIDDEN })
  const kvHeads = integerOf(text, 'num_key_value_heads', { min: 1, max: heads }) ?? heads
  if (heads % kvHeads !== 0) {
    throw badValue(text.file, 'num_key_value_heads', kvHeads, `a divisor of ${heads} heads`)
  }
  const given = integerOf(text, 'head_dim', { min: 2, max: MAX_HIDDEN })
  if (given === undefined && hiddenSize % heads !== 0) {
    throw badValue(
      text.file,
      'num_attention_heads',
      heads,
      `a divisor of hidden_size ${hiddenSize}`,
    )
  }
  const headDim = given ?? hiddenSize / heads
  if (headDim % 2 !== 0) throw badValue(text.file, 'head_dim', headDim, 'even')
  return { hiddenSize, heads, kvHeads, headDim }
}

/** The base of the rotary frequencies; 10,000 is the default of Qwen2's configuration. */
function ropeTheta(text: JsonFile): number {
  // transformers 5 writes base and kind into one object, which has a kind only if it is special.
  const parameters = objectOf(text, 'rope_parameters')
  const scaling = objectOf(text, 'rope_scaling')
  const scalingKind = Object.keys(scaling.values).length === 0 ? 'default' : 'without a type'
  const plain = new Set(['default'])
  requireOneOf(ropeKind(parameters) ?? 'default', plain, 'rope_parameters.rope_type')
  requireOneOf(ropeKind(scaling) ?? scalingKind, plain, 'rope_scaling.rope_type')
  const range = { min: 1, max: 1e12 }
  return numberOf(parameters, 'rope_theta', range) ?? numberOf(text, 'rope_theta', range) ?? 10_000
}

function ropeKind(file: JsonFile): string | undefined {
  return textOf(file, 'rope_type') ?? textOf(file, 'type')
}

function imageTokenId(root: JsonFile): number | undefined {
  const range = { min: -MAX_TOKEN_ID, max: MAX_TOKEN_ID }
  const id = integerOf(root, 'image_token_index', range) ?? integerOf(root, 'image_token_id', range)
  // LLaVA marks images with -200 inside the model: that is no row of the table.
  return id === undefined || id < 0 ? undefined : id
}

function eosTokenIds(text: JsonFile, generation: JsonObject | undefined): readonly number[] {
  const generationFile: JsonFile = { file: 'generation_config.json', values: generation ?? {} }
  for (const { file, values } of [generationFile, text]) {
    const value = valueOf(values, 'eos_token_id')
    if (value === undefined) continue
    const list: readonly unknown[] = Array.isArray(value) ? value : [value]
    const ids = list.filter((id) => typeof id === 'number').filter(isTokenId)
    if (ids.length !== list.length) throw badValue(file, 'eos_token_id', value, 'token numbers')
    return ids
  }
  return []
}

function isTokenId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id <= MAX_TOKEN_ID
}

/** From the crop or size of the preprocessor, else the number that ends the tower's name. */
function imageSize(
  root: JsonFile,
  preprocessor: JsonObject | undefined,
): FastvlmConfig['imageSize'] {
  const file: JsonFile = { file: 'preprocessor_config.json', values: preprocessor ?? {} }
  const crops = booleanOf(file, 'do_center_crop') !== false
  const fromPreprocessor = (crops ? sizeOf(file, 'crop_size') : undefined) ?? sizeOf(file, 'size')
  if (fromPreprocessor) return fromPreprocessor
  const tower = textOf(root, 'mm_vision_tower') ?? ''
  const suffix = /_(\d{1,6})$/.exec(tower)?.[1]
  const edge =
    suffix === undefined
      ? integerOf(objectOf(root, 'vision_config'), 'image_size', IMAGE_EDGE)
      : requiredInteger(
          { file: root.file, values: { mm_vision_tower: Number(suffix) } },
          'mm_vision_tower',
          IMAGE_EDGE,
        )
  if (edge !== undefined) return { height: edge, width: edge }
  throw new MixbitError(
    'unsupported-model',
    'The input size of the vision encoder is unknown: add preprocessor_config.json with "crop_size".',
    { file: file.file, key: 'crop_size' },
  )
}

function sizeOf(file: JsonFile, key: string): FastvlmConfig['imageSize'] | undefined {
  const value = valueOf(file.values, key)
  if (value === undefined) return undefined
  if (!isJsonObject(value)) {
    const edge = requiredInteger(file, key, IMAGE_EDGE)
    return { height: edge, width: edge }
  }
  const size = objectOf(file, key)
  const shortest = integerOf(size, 'shortest_edge', IMAGE_EDGE)
  if (shortest !== undefined) return { height: shortest, width: shortest }
  return {
    height: requiredInteger(size, 'height', IMAGE_EDGE),
    width: requiredInteger(size, 'width', IMAGE_EDGE),
  }
}
