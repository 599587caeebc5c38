import type { JobContext } from '../../base/host.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { toFloat32 } from '../../tasks/cast-tensor.ts'
import type { PreprocessSpec } from '../../tasks/preprocess.ts'
import type { SampleSource } from '../../tasks/sample-feeds.ts'
import { preparedFeeds } from '../../tasks/sample-feeds.ts'
import type { TaskModel } from '../../tasks/task-model.ts'
import type { ChannelAxis, ChannelSums } from './channel-means.ts'
import { addToChannels } from './channel-means.ts'
import type { RangeState } from '../ranges/range-state.ts'
import { emptyRangeState, observe, observeEnds } from '../ranges/range-state.ts'

/** What is kept of each value: a histogram, or only its ends, which is faster. */
export type Observation = 'histogram' | 'ends'

/** Input of the pool job `observe-samples`. */
export type ObserveSamplesInput = {
  /** The float model with the observed values among its outputs. */
  readonly model: TaskModel
  readonly samples: readonly SampleSource[]
  readonly values: readonly ObservedValue[]
  readonly keep: Observation
}

/** A value to observe, and where it has channels whose means are wanted. */
export type ObservedValue = { readonly name: string; readonly channels: ChannelAxis | null }

/** States in the order of the values. */
export type ObserveSamplesOutput = {
  readonly states: readonly RangeState[]
  readonly channels: readonly (ChannelSums | null)[]
  /** How pictures were prepared; null for ready-made tensors. */
  readonly preprocess: PreprocessSpec | null
}

/** Values that a run gives back at once, so that not every activation of a deep model is held. */
const VALUES_A_RUN = 256

/** Pool job: runs the float model on some samples and keeps what the ranges of its values need. */
export async function observeSamples(
  kernels: Kernels,
  { model, samples, values, keep }: ObserveSamplesInput,
  context: JobContext,
): Promise<ObserveSamplesOutput> {
  const session = await context.session(model.file, model.options)
  const states = values.map(() => emptyRangeState())
  const channels = values.map((): ChannelSums | null => null)
  let preprocess: PreprocessSpec | null = null
  for (const sample of samples) {
    const prepared = await preparedFeeds(session, sample, context)
    const { feeds } = prepared
    preprocess = prepared.preprocess
    for (let start = 0; start < values.length; start += VALUES_A_RUN) {
      const wanted = values.slice(start, start + VALUES_A_RUN)
      const isInput = (name: string): boolean => Object.hasOwn(feeds, name)
      const computed = wanted.map(({ name }) => name).filter((name) => !isInput(name))
      const outputs = computed.length === 0 ? {} : await session.run(feeds, computed)
      for (const [at, { name, channels: axis }] of wanted.entries()) {
        const tensor = isInput(name) ? feeds[name] : outputs[name]
        const state = states[start + at]
        if (tensor === undefined || state === undefined) continue
        const x = toFloat32(tensor)
        if (keep === 'ends') observeEnds(state, x, kernels)
        else observe(state, x, kernels)
        const known = channels[start + at] ?? null
        if (axis !== null) channels[start + at] = addToChannels(known, x, tensor.shape, axis)
      }
    }
  }
  return { states, channels, preprocess }
}
