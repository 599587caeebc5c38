import type { NamedTensors, RuntimeTensor, Session } from '../../base/host.ts'
import type {
  ObservedValue,
  TellingModel,
  ToldChannels,
  ToldEnds,
} from '../../formats/onnx/qdq/observed-ends.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { toFloat32 } from '../../tasks/cast-tensor.ts'
import type { TaskModel } from '../../tasks/task-model.ts'
import { observeEnds, observeRange } from '../ranges/range-state.ts'
import type { ValueRange } from '../ranges/value-range.ts'
import type { ChannelSums } from './channel-means.ts'
import { addToChannels, mergeChannels } from './channel-means.ts'
import type { SeenValues } from './seen-values.ts'

/** The written model that tells the ends of values, in their order. */
export type EndsModel = Pick<TellingModel, 'vector' | 'ends'> & { readonly model: TaskModel }

export type ToldSample = Pick<TellingModel, 'vector' | 'ends'> & {
  readonly session: Session
  readonly feeds: NamedTensors
  readonly values: readonly ObservedValue[]
}

/**
 * Adds the ends of values in one sample, as the model itself tells them.
 *
 * @returns false, with nothing added, where a value has numbers that are not finite, or where the
 *   model does not run so (an empty value has no largest number): the values are to be looked at
 */
export async function observeInGraph(
  seen: SeenValues,
  { session, feeds, values, vector, ends }: ToldSample,
  kernels: Pick<Kernels, 'valueEnds'>,
): Promise<boolean> {
  const results = await session.run(feeds).catch(() => null)
  if (results === null) return false
  const numbers = toFloat32(tensorOf(results, vector))
  if (numbers.some((number) => !Number.isFinite(number))) return false
  for (const [at, told] of ends.entries()) {
    const { name, channels } = values[at]!
    const state = seen.states[at]!
    const known = seen.channels[at]!
    if (told !== null) {
      observeRange(state, rangeOf(told, numbers))
      if (told.channels === null) continue
      seen.channels[at] = mergeChannels(known, channelsOf(told.channels, numbers, results))
      continue
    }
    const feed = tensorOf(feeds, name)
    const x = toFloat32(feed)
    observeEnds(state, x, kernels)
    if (channels !== null) seen.channels[at] = addToChannels(known, x, feed.shape, channels)
  }
  return true
}

function rangeOf({ min, max }: ToldEnds, numbers: Float32Array): ValueRange {
  return { min: min === null ? 0 : numbers[min]!, max: numbers[max]! }
}

function channelsOf(
  told: ToldChannels,
  numbers: Float32Array,
  results: NamedTensors,
): ChannelSums | null {
  switch (told.axis) {
    case 'second': {
      const means = tensorOf(results, told.means)
      return addToChannels(null, toFloat32(means), means.shape, 'second')
    }
    case 'last': {
      const sums = new Float64Array(toFloat32(tensorOf(results, told.sums)))
      return { sums, count: numbers[told.rows]! }
    }
  }
}

function tensorOf(tensors: NamedTensors, name: string): RuntimeTensor {
  const tensor = tensors[name]
  if (tensor === undefined) throw new TypeError(`There is no value "${name}"`)
  return tensor
}
