import { MixbitError } from '../../base/error.ts'
import type { NamedTensors, RuntimeTensor, Session, SessionValue } from '../../base/host.ts'
import { castTensor } from '../cast-tensor.ts'
import { emptyPast } from '../vqa/decoder-feeds.ts'
import { int64Row } from '../vqa/tensors.ts'

/**
 * The inputs of a text model for one text from its start: ids, a mask of ones, positions from 0, one
 * segment, and an empty cache where the model has one.
 *
 * @param ids - token ids, shape (tokens)
 */
export function textFeeds(session: Session, ids: readonly number[]): NamedTensors {
  const past = emptyPast(session)
  return Object.fromEntries(
    session.inputs.map((input) => [
      input.name,
      past[input.name] ?? castTensor(feedOf(input, ids), input.dtype, input.name),
    ]),
  )
}

function feedOf({ name, shape }: SessionValue, ids: readonly number[]): RuntimeTensor {
  switch (name) {
    case 'input_ids':
      return int64Row(ids)
    case 'attention_mask':
      return int64Row(ids.map(() => 1))
    case 'position_ids':
      return int64Row(ids.map((_, position) => position))
    case 'token_type_ids':
      return int64Row(ids.map(() => 0))
    case 'use_cache_branch':
      return { dtype: 'bool', shape: shape.length === 0 ? [] : [1], data: Uint8Array.of(0) }
    default:
      throw new MixbitError(
        'unsupported-model',
        `The model has an input "${name}" that is not known for text. Known are input_ids, ` +
          'attention_mask, position_ids, token_type_ids, use_cache_branch and past_key_values.N.key and .value.',
        { input: name },
      )
  }
}
