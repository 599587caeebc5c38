import { z } from 'zod'
import { MixbitError, ensure } from '../base/error.ts'
import type { Origin } from '../base/parse-with.ts'
import { parseWith } from '../base/parse-with.ts'
import { oneOf } from './descriptor-keys.ts'
import type { Pooling } from './sts/embed-sentence.ts'
import { POOLINGS } from './sts/embed-sentence.ts'

/** No model sees more tokens at once. */
const MOST_WINDOW = 1_048_576

/**
 * Windows of 512 tokens fit every causal language model there is; longer ones give lower
 * perplexity, so a descriptor that compares with a published number names its own.
 */
const DEFAULT_WINDOW = 512

/** `max_seq_length` of most sentence-transformers models is 128 to 512. */
const DEFAULT_MOST_TOKENS = 512

export type TextDescriptor = {
  readonly kind: 'text'
  /** The text files, or the file that lists them. */
  readonly texts: { readonly paths: readonly string[] } | { readonly list: string }
  readonly tokenizer: string | null
  /** Tokens that the model sees at once. */
  readonly window: number
  /** Tokens from the start of one window to the next. */
  readonly stride: number
  readonly output: string | null
}

export type StsDescriptor = {
  readonly kind: 'sts'
  /** A text file of lines `sentence1 <tab> sentence2 <tab> score`. */
  readonly pairs: string
  readonly tokenizer: string | null
  readonly pooling: Pooling | null
  readonly mostTokens: number
  readonly output: string | null
}

export type TensorsDescriptor = {
  readonly kind: 'tensors'
  /** A .safetensors file, or a .npy file a model input. */
  readonly inputs: string | Readonly<Record<string, string>>
  /** A .npy or .safetensors file with one class index a sample. */
  readonly labels: string | null
  readonly output: string | null
}

const path = z.string().min(1)
const paths = z.union([path, z.array(path)], { error: 'must be a path or a list of paths' })
const output = path.optional()

const textSchema = z.strictObject({
  kind: z.literal('text'),
  text: path.optional(),
  list: paths.optional(),
  tokenizer: path.optional(),
  window: z.int().min(2).max(MOST_WINDOW).optional(),
  stride: z.int().min(1).max(MOST_WINDOW).optional(),
  output,
})

const stsSchema = z.strictObject({
  kind: z.literal('sts'),
  pairs: path,
  tokenizer: path.optional(),
  pooling: z.enum(POOLINGS).optional(),
  maxTokens: z.int().min(3).max(MOST_WINDOW).optional(),
  output,
})

const tensorsSchema = z.strictObject({
  kind: z.literal('tensors'),
  inputs: z.union([path, z.record(z.string().min(1), path)], {
    error: 'must be a .safetensors file, or an object of input names and .npy files',
  }),
  labels: path.optional(),
  output,
})

export function parseText(value: unknown, origin: Origin): TextDescriptor {
  const { text, list, tokenizer, window, stride, output } = parseWith(textSchema, value, origin)
  const advice = '"text", a text file, or "list", several of them'
  const chosen =
    text === undefined ? oneOf(list, text, advice, origin) : [oneOf(text, list, advice, origin)]
  const length = window ?? DEFAULT_WINDOW
  ensure(
    (stride ?? length) <= length,
    'invalid-dataset',
    `${origin.file}: stride ${stride} is above window ${length}, so tokens would be left out.`,
    { file: origin.file, key: 'stride' },
  )
  return {
    kind: 'text',
    texts: typeof chosen === 'string' ? { list: chosen } : { paths: chosen },
    tokenizer: tokenizer ?? null,
    window: length,
    stride: stride ?? length,
    output: output ?? null,
  }
}

export function parseSts(value: unknown, origin: Origin): StsDescriptor {
  const { pairs, tokenizer, pooling, maxTokens, output } = parseWith(stsSchema, value, origin)
  return {
    kind: 'sts',
    pairs,
    tokenizer: tokenizer ?? null,
    pooling: pooling ?? null,
    mostTokens: maxTokens ?? DEFAULT_MOST_TOKENS,
    output: output ?? null,
  }
}

export function parseTensors(value: unknown, origin: Origin): TensorsDescriptor {
  const { inputs, labels, output } = parseWith(tensorsSchema, value, origin)
  const files = typeof inputs === 'string' ? [inputs] : Object.values(inputs)
  const isRight = typeof inputs === 'string' ? /\.safetensors$/i : /\.npy$/i
  const wrong = files.find((file) => !isRight.test(file))
  if (files.length === 0 || wrong !== undefined) {
    throw new MixbitError(
      'invalid-dataset',
      `${origin.file}: inputs must be one .safetensors file whose tensors have the names of the ` +
        `model's inputs, or an object of input names and .npy files; found ${wrong === undefined ? 'none' : `"${wrong.slice(0, 60)}"`}.`,
      { file: origin.file, key: 'inputs' },
    )
  }
  return { kind: 'tensors', inputs, labels: labels ?? null, output: output ?? null }
}
