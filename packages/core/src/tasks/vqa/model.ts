import { z } from 'zod'
import { ensure } from '../../base/error.ts'
import type { Host, RuntimeOptions } from '../../base/host.ts'
import { readJson } from '../../base/json-file.ts'
import { preprocessFromProcessor } from '../preprocess-config.ts'
import { parseWith } from '../../base/parse-with.ts'
import type { DatasetOptions } from '../descriptor-questions.ts'
import type { VlmModel } from './answer.ts'

/** Taken where `generation_config.json` gives none: enough for a short answer. */
const DEFAULT_NEW_TOKENS = 16

const tokenId = z.int().min(0)
const tokenIds = z.union([tokenId, z.array(tokenId).min(1)], {
  error: 'must be a token id or a list of them',
})
const positions = z.int().min(1)

const configSchema = z.object({
  image_token_index: tokenId.nullish(),
  image_token_id: tokenId.nullish(),
  eos_token_id: tokenIds.nullish(),
  max_position_embeddings: positions.nullish(),
  text_config: z.object({ max_position_embeddings: positions.nullish() }).nullish(),
})

const generationSchema = z.object({
  eos_token_id: tokenIds.nullish(),
  max_new_tokens: z.int().min(1).nullish(),
})

/**
 * Reads what answering questions needs from a model folder: `config.json`,
 * `preprocessor_config.json` and, if there is one, `generation_config.json`.
 *
 * @param files - absolute path of each graph
 */
export async function readVlmModel(
  host: Pick<Host, 'open' | 'exists' | 'within'>,
  folder: string,
  files: VlmModel['files'],
  options: RuntimeOptions,
): Promise<VlmModel> {
  const configFile = host.within(folder, 'config.json')
  const config = await readChecked(host, configFile, configSchema)
  const generation = await readGeneration(host, folder)
  const processorFile = host.within(folder, 'preprocessor_config.json')
  const imageTokenId = config.image_token_index ?? config.image_token_id
  const eos = generation.eos_token_id ?? config.eos_token_id
  const maxPositions = config.max_position_embeddings ?? config.text_config?.max_position_embeddings
  ensure(
    imageTokenId !== undefined && imageTokenId !== null,
    ...missing('image_token_index', configFile),
  )
  ensure(eos !== undefined && eos !== null, ...missing('eos_token_id', configFile))
  ensure(
    maxPositions !== undefined && maxPositions !== null,
    ...missing('max_position_embeddings', configFile),
  )
  return {
    folder,
    files,
    imageTokenId,
    eosTokenIds: typeof eos === 'number' ? [eos] : eos,
    maxNewTokens: generation.max_new_tokens ?? DEFAULT_NEW_TOKENS,
    maxPositions,
    preprocess: preprocessFromProcessor(
      await readJson(host, processorFile, 'malformed'),
      processorFile,
    ),
    options,
  }
}

/** The model as a data set wants it used: the descriptor goes before the model's own settings. */
export function modelForDataset(model: VlmModel, options: DatasetOptions): VlmModel {
  return {
    ...model,
    maxNewTokens: options.maxNewTokens ?? model.maxNewTokens,
    preprocess: options.preprocess ?? model.preprocess,
  }
}

function missing(
  key: string,
  file: string,
): ['unsupported-model', string, { file: string; key: string }] {
  return ['unsupported-model', `${file}: ${key} is missing.`, { file, key }]
}

async function readGeneration(
  host: Pick<Host, 'open' | 'exists' | 'within'>,
  folder: string,
): Promise<z.infer<typeof generationSchema>> {
  const file = host.within(folder, 'generation_config.json')
  return (await host.exists(file)) ? readChecked(host, file, generationSchema) : {}
}

async function readChecked<Value>(
  host: Pick<Host, 'open' | 'exists' | 'within'>,
  file: string,
  schema: z.ZodType<Value>,
): Promise<Value> {
  const value = await readJson(host, file, 'malformed')
  return parseWith(schema, value, { code: 'unsupported-model', file })
}
