import type { NamedTensors, Session, SessionValue, Tokenizer } from '../../src/base/host.ts'

/**
 * A language model that can be worked out by hand. Its hidden size is 1 and the vector of token n
 * is n; its cache holds the vectors that it has seen; the score of token t is -|t - s| with s the
 * sum of all vectors (at most 8). So it answers with the sum, then with twice the sum, and so on.
 */
export const VOCABULARY = 10

const float = (shape: readonly number[], values: readonly number[]): NamedTensors[string] => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
})

const value = (name: string, dtype: string, shape: readonly (number | string)[]): SessionValue => ({
  name,
  dtype,
  shape,
})

type Run = { readonly feeds: NamedTensors; readonly outputs: readonly string[] | undefined }

/** A session over a plain function; `runs` records what it was fed. */
export function functionSession(
  inputs: readonly SessionValue[],
  run: (feeds: NamedTensors) => NamedTensors,
): Session & { readonly runs: readonly Run[] } {
  const runs: Run[] = []
  return {
    inputs,
    outputs: [],
    runs,
    release: () => Promise.resolve(),
    run: (feeds, outputs) => {
      runs.push({ feeds, outputs })
      return Promise.resolve(run(feeds))
    },
  }
}

export const embedSession = (): ReturnType<typeof functionSession> =>
  functionSession([value('input_ids', 'int64', ['batch_size', 'sequence_length'])], (feeds) => {
    const ids = [...(feeds['input_ids']?.data ?? [])].map(Number)
    return { inputs_embeds: float([1, ids.length, 1], ids) }
  })

export const DECODER_INPUTS: readonly SessionValue[] = [
  value('inputs_embeds', 'float32', ['batch_size', 'sequence_length', 1]),
  value('attention_mask', 'int64', ['batch_size', 'total_sequence_length']),
  value('position_ids', 'int64', ['batch_size', 'sequence_length']),
  value('num_logits_to_keep', 'int64', []),
  value('past_key_values.0.key', 'float32', ['batch_size', 1, 'past_sequence_length', 1]),
]

export const decoderSession = (
  inputs: readonly SessionValue[] = DECODER_INPUTS,
): ReturnType<typeof functionSession> =>
  functionSession(inputs, (feeds) => {
    const past = [...(feeds['past_key_values.0.key']?.data ?? [])].map(Number)
    const seen = [...past, ...[...(feeds['inputs_embeds']?.data ?? [])].map(Number)]
    const sum = Math.min(
      8,
      seen.reduce((total, each) => total + each, 0),
    )
    const scores = Array.from({ length: VOCABULARY }, (_, token) => -Math.abs(token - sum))
    return {
      logits: float([1, 1, VOCABULARY], scores),
      'present.0.key': float([1, 1, seen.length, 1], seen),
      extra: float([1], [sum]),
    }
  })

/** Two visual tokens, each the value of the first pixel. */
export const visionSession = (): ReturnType<typeof functionSession> =>
  functionSession([value('pixel_values', 'float32', ['batch_size', 3, 1, 1])], (feeds) => {
    const pixel = Number(feeds['pixel_values']?.data[0] ?? 0)
    return { image_features: float([1, 2, 1], [pixel, pixel]) }
  })

/** Text is digits; `<image>` is token 9, all else is left out. */
export const digitTokenizer: Tokenizer = {
  encode: digitsOf,
  encodeAlone: digitsOf,
  decode: (ids) => ids.join(''),
  chat: (message) => message,
}

function digitsOf(text: string): readonly number[] {
  return [...text.replace('<image>', '9').matchAll(/\d/g)].map(([digit]) => Number(digit))
}
