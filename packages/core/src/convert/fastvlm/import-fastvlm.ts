import { ensure } from '../../base/error.ts'
import type { Finding } from '../../base/finding.ts'
import type { Graph, GraphWeight } from '../../graph/graph.ts'
import type { Weight } from '../../tensor/weight.ts'
import { type ConfigFiles, type FastvlmConfig, readConfig } from './config.ts'
import { buildDecoder, type OutputHead } from './decoder.ts'
import { buildEmbedTokens } from './embed-tokens.ts'
import { type Tensors, tensorsOf } from './tensors.ts'
import { areIdentical } from './tied-head.ts'
import { buildVisionEncoder, type VisionEncoder } from './vision-encoder.ts'

/** The three graphs that transformers.js loads as sessions. */
export type SessionName = 'vision_encoder' | 'embed_tokens' | 'decoder_model_merged'

/** A FastVLM checkpoint as graphs; weights are read from its files when asked. */
export type FastvlmModel = {
  readonly sessions: Readonly<Record<SessionName, Graph>>
  /** Whether the output head is the token table. */
  readonly tied: boolean
  readonly facts: FastvlmFacts
  readonly findings: readonly Finding[]
}

/** What configuration and tensors together say about a model. */
export type FastvlmFacts = FastvlmConfig & {
  /** Rows of the token table; config.json's vocab_size is unreliable. */
  readonly vocabularyRows: number
  /** Visual tokens that a picture becomes. */
  readonly imageTokens: number
  /** Pixels of one side of the square that becomes a visual token. */
  readonly patchSize: number
}

/** What the importer needs of a checkpoint folder. */
export type FastvlmFolder = ConfigFiles & { readonly weights: ReadonlyMap<string, Weight> }

/** Has blocked DequantizeLinear, which quantized weights need. */
const OPSET = 21

/** Findings of one kind that are listed one by one. */
const MAX_LISTED = 20

/** Builds the graphs of a FastVLM checkpoint in any of its three layouts. */
export async function importFastvlm(folder: FastvlmFolder): Promise<FastvlmModel> {
  const config = readConfig(folder)
  const tensors = tensorsOf(folder.weights)
  ensure(
    tensors.hasUnder('vision_encoder'),
    'missing-tensor',
    'The checkpoint holds no vision encoder (model.vision_tower). A folder with the language model ' +
      'only cannot be imported.',
    { tensor: 'model.vision_tower.vision_tower.model' },
  )
  const vision = buildVisionEncoder(tensors, config, OPSET)
  const table: GraphWeight = {
    layer: 'text_encoder.weight',
    component: 'text_encoder',
    weight: tensors.take('text_encoder.weight', ['any', config.hiddenSize]),
  }
  const head = await outputHead(tensors, config, table)
  const sessions = {
    vision_encoder: vision.graph,
    embed_tokens: buildEmbedTokens(table, OPSET),
    decoder_model_merged: buildDecoder(tensors, config, head, OPSET),
  }
  const tied = head.kind === 'tied'
  const facts = factsOf(config, vision, table.weight)
  return { sessions, tied, facts, findings: findingsOf(tensors, config, facts, tied) }
}

async function outputHead(
  tensors: Tensors,
  config: FastvlmConfig,
  table: GraphWeight,
): Promise<OutputHead> {
  const own = tensors.takeOptional('decoder.lm_head.weight', ['any', config.hiddenSize])
  const isTied = !own || (await areIdentical(own, table.weight))
  return isTied ? { kind: 'tied', table } : { kind: 'untied' }
}

function factsOf(config: FastvlmConfig, vision: VisionEncoder, table: Weight): FastvlmFacts {
  return {
    ...config,
    vocabularyRows: table.shape[0] ?? 0,
    imageTokens: vision.imageTokens,
    patchSize: vision.patchSize,
  }
}

function findingsOf(
  tensors: Tensors,
  config: FastvlmConfig,
  facts: FastvlmFacts,
  tied: boolean,
): readonly Finding[] {
  const findings = unusedTensors(tensors.unused())
  if (config.claimsTied !== undefined && config.claimsTied !== tied) {
    const stored = tied
      ? 'the output head is the token table'
      : 'the output head has its own values'
    findings.push({
      code: 'tied-flag',
      severity: 'info',
      subject: 'config.json',
      message: `tie_word_embeddings is ${config.claimsTied}, but ${stored}. The tensors decide.`,
    })
  }
  const { imageTokenId, vocabularyRows } = facts
  if (imageTokenId === undefined || imageTokenId >= vocabularyRows) {
    findings.push({
      code: 'image-token',
      severity: 'warning',
      subject: 'config.json',
      message:
        `The image token is ${imageTokenId ?? 'not given'}; the token table has ${vocabularyRows} ` +
        'rows. Set image_token_index to a row of the table.',
    })
  }
  return findings
}

function unusedTensors(names: readonly string[]): Finding[] {
  const findings = names.slice(0, MAX_LISTED).map((name): Finding => ({
    code: 'unknown-tensor',
    severity: 'warning',
    subject: name.slice(0, 200),
    message: `"${name.slice(0, 200)}" belongs to no known part of the model and is left out.`,
  }))
  if (names.length > MAX_LISTED) {
    findings.push({
      code: 'unknown-tensor',
      severity: 'warning',
      message: `${names.length - MAX_LISTED} more tensors belong to no known part of the model.`,
    })
  }
  return findings
}
