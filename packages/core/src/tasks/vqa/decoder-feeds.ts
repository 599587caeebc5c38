import { ensure, MixbitError } from '../../base/error.ts'
import type { NamedTensors, RuntimeTensor, Session, SessionValue } from '../../base/host.ts'
import { int64Row } from './tensors.ts'

/** The KV cache, by the names of the decoder's inputs. */
export type Past = NamedTensors

/** One run of a decoder over the positions that are not in the cache yet. */
export type DecoderStep = {
  /** float32, shape (1, new positions, hidden size) */
  readonly embeds: RuntimeTensor
  readonly past: Past
  /** Positions that the cache holds. */
  readonly cached: number
}

const PAST_NAME = /^past_key_values\.\d+\.(?:key|value)$/

/** An empty cache, whose shape and dtype come from the decoder's inputs. */
export function emptyPast(decoder: Session): Past {
  return Object.fromEntries(
    decoder.inputs
      .filter(({ name }) => PAST_NAME.test(name))
      .map((input) => [input.name, emptyTensor(input)]),
  )
}

/**
 * The shape that transformers.js gives to an empty cache: numbers stay, `batch_size` is 1, every
 * other symbol is 0.
 */
function emptyTensor({ name, dtype, shape }: SessionValue): RuntimeTensor {
  const sizes = shape.map((size) => {
    if (typeof size === 'number') return size
    return size === 'batch_size' ? 1 : 0
  })
  const length = sizes.reduce((product, size) => product * size, 1)
  ensure(
    length === 0,
    'unsupported-model',
    `The decoder's cache "${name}" has the fixed shape ${sizes.join(' x ')}, so it cannot start empty.`,
    { name, shape: sizes },
  )
  if (dtype === 'float32') return { dtype, shape: sizes, data: new Float32Array(0) }
  if (dtype === 'float16') return { dtype, shape: sizes, data: new Uint16Array(0) }
  throw new MixbitError(
    'unsupported-dtype',
    `The decoder's cache "${name}" is ${dtype}; float32 and float16 are supported.`,
    { name, dtype },
  )
}

/** The cache after a run: each `present.N.key` is the next `past_key_values.N.key`. */
export function nextPast(past: Past, outputs: NamedTensors): Past {
  return Object.fromEntries(
    Object.keys(past).map((name) => {
      const present = presentName(name)
      const tensor = outputs[present]
      ensure(
        tensor !== undefined,
        'unsupported-model',
        `The decoder gives no output "${present}".`,
        {
          name: present,
        },
      )
      return [name, tensor]
    }),
  )
}

/** The outputs that decoding needs: the scores of the next token and the cache. */
export function decodingOutputs(past: Past): readonly string[] {
  return ['logits', ...Object.keys(past).map(presentName)]
}

function presentName(pastName: string): string {
  return pastName.replace('past_key_values', 'present')
}

/** The inputs of one decoder run. */
export function decoderFeeds(decoder: Session, step: DecoderStep): NamedTensors {
  return Object.fromEntries(
    decoder.inputs.map((input) => [input.name, step.past[input.name] ?? otherFeed(input, step)]),
  )
}

function otherFeed(input: SessionValue, { embeds, cached }: DecoderStep): RuntimeTensor {
  const fresh = embeds.shape[1] ?? 0
  switch (input.name) {
    case 'inputs_embeds':
      return embeds
    case 'attention_mask':
      return int64Row(Array.from({ length: cached + fresh }, () => 1))
    case 'position_ids':
      return int64Row(Array.from({ length: fresh }, (_, index) => cached + index))
    case 'num_logits_to_keep':
      return { dtype: 'int64', shape: input.shape.map(() => 1), data: BigInt64Array.of(1n) }
    case 'use_cache_branch':
      return { dtype: 'bool', shape: [1], data: Uint8Array.of(cached > 0 ? 1 : 0) }
    default:
      throw new MixbitError(
        'unsupported-model',
        `The decoder has an input "${input.name}" that is not known.`,
        { name: input.name },
      )
  }
}
