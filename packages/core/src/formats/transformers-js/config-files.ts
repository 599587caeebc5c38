import type { JsonObject } from '../../base/json-file.ts'
import { isJsonObject } from '../../base/json-file.ts'
import type { DtypeName } from './sessions.ts'
import { DTYPE_SUFFIXES } from './sessions.ts'

/** Files that a model folder needs beside its graphs; those that exist are copied unchanged. */
export const SUPPORT_FILES: readonly string[] = [
  'generation_config.json',
  'preprocessor_config.json',
  'processor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
  'chat_template.json',
  'LICENSE',
]

/**
 * config.json for transformers.js: tells which variant each session has, so that
 * `from_pretrained(folder)` needs no options, and which have external data.
 *
 * @param external - file names in `onnx/` whose data lies in `<name>_data`
 */
export function withTransformersJsConfig(
  config: JsonObject,
  dtypes: Readonly<Record<string, DtypeName>>,
  external: readonly string[],
): JsonObject {
  const existing = config['transformers.js_config']
  // What it says of other files does not hold for ours.
  const { use_external_data_format: _, ...kept } = isJsonObject(existing) ? existing : {}
  return {
    ...config,
    'transformers.js_config': {
      ...kept,
      dtype: dtypes,
      ...(external.length === 0
        ? {}
        : { use_external_data_format: Object.fromEntries(external.map((name) => [name, 1])) }),
    },
  }
}

/**
 * The LLaVA processor file, for checkpoints that come without one.
 *
 * @param patchSize - picture pixels along one side of a visual token
 */
export function processorConfig(patchSize: number): JsonObject {
  return {
    processor_class: 'LlavaProcessor',
    image_token: '<image>',
    num_additional_image_tokens: 0,
    patch_size: patchSize,
  }
}

/** The picture preparation of FastVLM, for checkpoints that come without the file. */
export function preprocessorConfig(imageSize: {
  readonly height: number
  readonly width: number
}): JsonObject {
  const { height, width } = imageSize
  return {
    image_processor_type: 'CLIPImageProcessor',
    processor_class: 'LlavaProcessor',
    do_resize: true,
    size: { shortest_edge: Math.min(height, width) },
    do_center_crop: true,
    crop_size: { height, width },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0, 0, 0],
    image_std: [1, 1, 1],
    do_convert_rgb: true,
    resample: 3,
  }
}

/** The file name, without `.onnx`, of a session's variant. */
export function sessionFileName(session: string, dtype: DtypeName): string {
  return `${session}${DTYPE_SUFFIXES[dtype]}`
}
