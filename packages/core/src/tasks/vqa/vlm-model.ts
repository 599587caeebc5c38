import { MixbitError, ensure } from '../../base/error.ts'
import type { Host, RuntimeOptions } from '../../base/host.ts'
import type { JsonObject } from '../../base/json-file.ts'
import { isJsonObject, readJsonObject } from '../../base/json-file.ts'
import type { DatasetOptions } from '../descriptor.ts'
import { preprocessFromProcessor } from '../preprocess-config.ts'
import type { VlmModel } from './answer.ts'

/** What a folder's own files do not say: how long an answer may be. VQA answers are a few words. */
const DEFAULT_NEW_TOKENS = 16

/** What a model without a limit of its own is given; the KV cache of a phone is not longer. */
const DEFAULT_POSITIONS = 8192

/**
 * Collects what workers need to run a vision-language model folder.
 *
 * @param folder - with config.json, preprocessor_config.json and the tokenizer
 * @param files - the graphs, which may lie elsewhere
 * @param options - of the data set; what they leave out comes from the folder
 */
export async function readVlmModel(
  host: Pick<Host, 'open' | 'exists' | 'within'>,
  folder: string,
  files: VlmModel['files'],
  options: DatasetOptions,
  runtime: RuntimeOptions,
): Promise<VlmModel> {
  const configPath = host.within(folder, 'config.json')
  const config = await readJsonObject(host, configPath)
  const generationPath = host.within(folder, 'generation_config.json')
  const generation = (await host.exists(generationPath))
    ? await readJsonObject(host, generationPath)
    : {}
  const processorPath = host.within(folder, 'preprocessor_config.json')
  const preprocess =
    options.preprocess ??
    preprocessFromProcessor(await readJsonObject(host, processorPath), processorPath)
  const text = isJsonObject(config['text_config']) ? config['text_config'] : {}
  return {
    folder,
    files,
    imageTokenId: requiredId(config, ['image_token_index', 'image_token_id'], configPath),
    eosTokenIds: tokenIds(
      generation['eos_token_id'] ?? config['eos_token_id'] ?? text['eos_token_id'],
      configPath,
    ),
    maxNewTokens:
      options.maxNewTokens ?? positive(generation['max_new_tokens']) ?? DEFAULT_NEW_TOKENS,
    maxPositions:
      positive(config['max_position_embeddings']) ??
      positive(text['max_position_embeddings']) ??
      DEFAULT_POSITIONS,
    preprocess,
    options: runtime,
  }
}

function requiredId(config: JsonObject, keys: readonly string[], path: string): number {
  for (const key of keys) {
    const value = config[key]
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value
  }
  throw new MixbitError(
    'unsupported-model',
    `"${path}" has no ${keys.join(' or ')}: the id of the token that a picture takes the place of.`,
    { file: path },
  )
}

function tokenIds(value: unknown, path: string): readonly number[] {
  const ids = (Array.isArray(value) ? value : [value]).filter(
    (id): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0,
  )
  ensure(
    ids.length > 0,
    'unsupported-model',
    `"${path}" has no eos_token_id, so an answer would never end.`,
    { file: path },
  )
  return ids
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined
}
