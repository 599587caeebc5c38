import { freeMemory } from '../../base/free-memory.ts'
import type { NamedTensors, Session } from '../../base/host.ts'
import type { ObservedValue } from '../../formats/onnx/qdq/observed-ends.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { toFloat32 } from '../../tasks/cast-tensor.ts'
import type { Kept } from '../ranges/range-state.ts'
import { observe, observeEnds } from '../ranges/range-state.ts'
import { addToChannels } from './channel-means.ts'
import type { SeenValues } from './seen-values.ts'

export type WholeSample = {
  /** Gives the values that are no feeds. */
  readonly session: Session
  readonly feeds: NamedTensors
  readonly values: readonly ObservedValue[]
  /** Numbers that each value had in the sample before; changed. 0: not known yet. */
  readonly sizes: Float64Array
}

/** Numbers that a run gives back at most, so that not all activations of a deep model are held: 128 MiB. */
const NUMBERS_A_RUN = 2 ** 25

/** What a value of unknown size is taken for: 256 of them are a run. */
const NUMBERS_OF_UNKNOWN = 2 ** 17

/** Adds what one sample gives, from the values themselves. */
export async function observeWhole(
  seen: SeenValues,
  keep: Kept,
  { session, feeds, values, sizes }: WholeSample,
  kernels: Kernels,
): Promise<void> {
  const isFeed = (at: number): boolean => Object.hasOwn(feeds, values[at]!.name)
  for (const places of runsOf(sizes)) {
    const computed = places.filter((at) => !isFeed(at)).map((at) => values[at]!.name)
    const outputs = computed.length === 0 ? {} : await session.run(feeds, computed)
    for (const at of places) {
      const { name, channels } = values[at]!
      const tensor = isFeed(at) ? feeds[name] : outputs[name]
      if (tensor === undefined) continue
      const x = toFloat32(tensor)
      sizes[at] = x.length
      if (keep === 'histogram') observe(seen.states[at]!, x, kernels)
      else observeEnds(seen.states[at]!, x, kernels)
      if (channels === null) continue
      seen.channels[at] = addToChannels(seen.channels[at]!, x, tensor.shape, channels)
    }
    freeMemory(Object.values(outputs).map(({ data }) => data))
  }
}

/** The places of the values that each run gives. */
function* runsOf(sizes: Float64Array): Generator<readonly number[]> {
  let places: number[] = []
  let numbers = 0
  for (const [at, size] of sizes.entries()) {
    const more = size === 0 ? NUMBERS_OF_UNKNOWN : size
    if (places.length > 0 && numbers + more > NUMBERS_A_RUN) {
      yield places
      places = []
      numbers = 0
    }
    places.push(at)
    numbers += more
  }
  if (places.length > 0) yield places
}
