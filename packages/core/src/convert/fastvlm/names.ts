import { MixbitError } from '../../base/error.ts'

/**
 * One spelling for the three layouts in which FastVLM checkpoints come. The canonical name of a
 * tensor is its layer name: `<component>.<name as in the released checkpoints>`.
 *
 * - Released (LLaVA): `model.vision_tower.vision_tower.model.network.0...`, `model.mm_projector.0`
 * - transformers `fast_vlm`: `model.vision_tower.timm_model.stages.0.blocks...`,
 *   `model.multi_modal_projector.linear_1`
 * - MLX: `vision_tower.vision_model.network.0...`, `language_model.model.layers...`
 *
 * @see https://github.com/apple/ml-fastvlm
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/fast_vlm/convert_fastvlm_weights_to_hf.py
 * @see https://github.com/Blaizzy/mlx-vlm/blob/main/mlx_vlm/models/fastvlm/fastvlm.py
 */
const RULES: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:model\.)?vision_tower\.(?:vision_tower\.)?(?:(?:model|timm_model|vision_model)\.)?/,
    'vision_encoder.',
  ],
  [/^vision_encoder\.(?:stem|patch_embed\.blocks)\./, 'vision_encoder.patch_embed.'],
  [/^vision_encoder\.final_conv\./, 'vision_encoder.conv_exp.'],
  [/^(vision_encoder\..*\.|vision_encoder\.)se\.fc1\./, '$1se.reduce.'],
  [/^(vision_encoder\..*\.|vision_encoder\.)se\.fc2\./, '$1se.expand.'],
  [/^(vision_encoder\.stages\.\d+\.blocks\.\d+)\.mlp\./, '$1.convffn.'],
  [/^(vision_encoder\..*\.layer_scale(?:_[12])?)\.gamma$/, '$1'],
  [/^(vision_encoder\.stages\.\d+\.downsample\.proj\.0)\.reparam_conv\./, '$1.lkb_reparam.'],
  [/^(?:model\.)?mm_projector\.(\d+)\./, 'fusion_layers.$1.'],
  [/^(?:model\.)?multi_modal_projector\.linear_[01]\./, 'fusion_layers.0.'],
  [/^(?:model\.)?multi_modal_projector\.linear_2\./, 'fusion_layers.2.'],
  [/^(?:model\.language_model|language_model\.model|model)\.embed_tokens\./, 'text_encoder.'],
  [/^(?:model\.language_model|language_model\.model|model)\.(layers|norm)\./, 'decoder.$1.'],
  [/^(?:(?:model|language_model)\.)?lm_head\./, 'decoder.lm_head.'],
]

/** Tensors that inference does not use: counters, the unused classifier head, rotary tables. */
const IGNORED: readonly RegExp[] = [
  /\.num_batches_tracked$/,
  /^vision_encoder\.head\./,
  /\.rotary_emb\.inv_freq$/,
]

/** Branches that exist in training only; inference needs them merged into one convolution. */
const TRAINING_BRANCH =
  /\.(?:rbr_conv|rbr_scale|rbr_skip|lkb_origin|small_conv|large_conv|conv_kxk|conv_scale)\./

const STAGE = /^vision_encoder\.stages\.(\d{1,4})\.(downsample|pos_emb|blocks)\.(.+)$/

/** Order of the modules of one timm stage. */
const STAGE_PARTS = ['downsample', 'pos_emb', 'blocks'] as const

/**
 * Maps canonical names to the names in the file, in the file's order, without the tensors that
 * inference does not use.
 */
export function canonicalNames(names: Iterable<string>): ReadonlyMap<string, string> {
  const renamed: (readonly [string, string])[] = []
  for (const original of names) renamed.push([applyRules(original), original])
  const networkIndex = stageModules(renamed.map(([name]) => name))
  const canonical = new Map<string, string>()
  for (const [name, original] of renamed) {
    refuseOtherForms(name, original)
    const final = flattenStage(name, networkIndex)
    if (IGNORED.some((pattern) => pattern.test(final))) continue
    const other = canonical.get(final)
    if (other !== undefined) {
      throw new MixbitError('malformed', `"${other}" and "${original}" are the same tensor.`, {
        tensor: original,
        other,
      })
    }
    canonical.set(final, original)
  }
  return canonical
}

/** The name that the released checkpoints give to a layer, for messages. */
export function releasedName(canonical: string): string {
  return canonical
    .replace(/^vision_encoder\./, 'model.vision_tower.vision_tower.model.')
    .replace(/^fusion_layers\./, 'model.mm_projector.')
    .replace(/^text_encoder\./, 'model.embed_tokens.')
    .replace(/^decoder\.lm_head\./, 'lm_head.')
    .replace(/^decoder\./, 'model.')
}

function applyRules(name: string): string {
  let result = name
  for (const [pattern, replacement] of RULES) result = result.replace(pattern, replacement)
  return result
}

function refuseOtherForms(name: string, original: string): void {
  if (TRAINING_BRANCH.test(name)) {
    throw new MixbitError(
      'unsupported-model',
      `"${original}" is a branch for training. Reparameterize the model and save it again.`,
      { tensor: original },
    )
  }
  if (name.endsWith('.scales') || name.endsWith('.qweight')) {
    throw new MixbitError(
      'unsupported-model',
      `"${original}" shows that this checkpoint is quantized already. Start from its float version.`,
      { tensor: original },
    )
  }
}

/** Numbers the modules of timm's stages as the released `network` list does, in order. */
function stageModules(names: readonly string[]): ReadonlyMap<string, number> {
  const present = new Set<string>()
  let stages = 0
  for (const name of names) {
    const [, stage = '', part = ''] = STAGE.exec(name) ?? []
    if (part === '') continue
    present.add(`${Number(stage)}.${part}`)
    stages = Math.max(stages, Number(stage) + 1)
  }
  const index = new Map<string, number>()
  for (let stage = 0; stage < stages; stage++) {
    for (const part of STAGE_PARTS) {
      const module = `${stage}.${part}`
      if (present.has(module)) index.set(module, index.size)
    }
  }
  return index
}

function flattenStage(name: string, networkIndex: ReadonlyMap<string, number>): string {
  const [, stage = '', part = '', rest = ''] = STAGE.exec(name) ?? []
  const index = networkIndex.get(`${Number(stage)}.${part}`)
  return index === undefined ? name : `vision_encoder.network.${index}.${rest}`
}
