// The files beside the weights: configuration, picture processing, tokenizer and prompt.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Ids of the released tokenizer. With 151,646 rows, `<image>` lies one past the table's last row. */
const specialTokens = {
  '<|endoftext|>': 151643,
  '<|im_start|>': 151644,
  '<|im_end|>': 151645,
  '<image>': 151646,
}
const merges = [
  't h',
  'th e',
  'i n',
  'a n',
  'Ġ the',
  'r e',
  'o n',
  'Ġ a',
  'e r',
  'an d',
  'Ġ i',
  'Ġi s',
]
const chatTemplate =
  "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}" +
  "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}" +
  '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}'

export function writeSideFiles(folder, model, dtype, isUntied) {
  const files = {
    'config.json': modelConfig(model, dtype, isUntied),
    'generation_config.json': {
      bos_token_id: 151643,
      eos_token_id: 151645,
      pad_token_id: 151643,
      do_sample: false,
    },
    'preprocessor_config.json': preprocessorConfig(1024),
    'processor_config.json': {
      processor_class: 'LlavaProcessor',
      image_token: '<image>',
      num_additional_image_tokens: 0,
      patch_size: 64,
    },
    'tokenizer.json': tokenizer(),
    'tokenizer_config.json': tokenizerConfig(),
  }
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), `${JSON.stringify(content, null, 2)}\n`)
  }
}

function modelConfig({ vision, text, vocabularyRows }, dtype, isUntied) {
  return {
    architectures: ['LlavaQwen2ForCausalLM'],
    model_type: 'llava_qwen2',
    hidden_size: text.hidden,
    intermediate_size: text.intermediate,
    num_hidden_layers: text.layers,
    num_attention_heads: text.heads,
    num_key_value_heads: text.kvHeads,
    hidden_act: 'silu',
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    max_position_embeddings: 32_768,
    tokenizer_model_max_length: 8192,
    vocab_size: vocabularyRows,
    tie_word_embeddings: !isUntied,
    bos_token_id: 151643,
    eos_token_id: 151645,
    image_token_index: specialTokens['<image>'],
    image_aspect_ratio: 'pad',
    mm_hidden_size: vision.dims.at(-1) * vision.expansion,
    mm_patch_merge_type: 'flat',
    mm_projector_type: 'mlp2x_gelu',
    mm_vision_tower: 'mobileclip_l_1024',
    torch_dtype: dtype === 'F16' ? 'float16' : 'float32',
    transformers_version: '4.48.3',
  }
}

function preprocessorConfig(size) {
  return {
    image_processor_type: 'CLIPImageProcessor',
    processor_class: 'LlavaProcessor',
    do_convert_rgb: true,
    do_resize: true,
    size: { shortest_edge: size },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: size, width: size },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0, 0, 0],
    image_std: [1, 1, 1],
  }
}

/** A small byte-level BPE: every text can be encoded, and ids below the special ones stay unused. */
function tokenizer() {
  const byteLevel = {
    type: 'ByteLevel',
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: true,
  }
  const words = [...byteLetters(), ...merges.map((merge) => merge.replace(' ', ''))]
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: Object.entries(specialTokens).map(([content, id]) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(words.map((word, id) => [word, id])),
      merges: merges.map((merge) => merge.split(' ')),
    },
  }
}

/** GPT-2's letters for the 256 bytes: printable ones stand for themselves. */
function byteLetters() {
  const isPrintable = (byte) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  const bytes = Array.from({ length: 256 }, (_, byte) => byte)
  const others = bytes.filter((byte) => !isPrintable(byte)).map((_, i) => 256 + i)
  return [...bytes.filter(isPrintable), ...others].map((code) => String.fromCharCode(code))
}

function tokenizerConfig() {
  return {
    tokenizer_class: 'Qwen2Tokenizer',
    model_max_length: 8192,
    bos_token: null,
    eos_token: '<|im_end|>',
    pad_token: '<|endoftext|>',
    unk_token: null,
    add_prefix_space: false,
    clean_up_tokenization_spaces: false,
    chat_template: chatTemplate,
  }
}
