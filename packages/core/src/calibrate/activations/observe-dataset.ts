import { freeMemory } from '../../base/free-memory.ts'
import type { Host } from '../../base/host.ts'
import type { PreprocessSpec } from '../../tasks/preprocess.ts'
import type { SampleSource } from '../../tasks/sample-feeds.ts'
import { openSources } from '../../tasks/sample-feeds.ts'
import type { TaskDataset } from '../../tasks/task-dataset.ts'
import type { TaskModel } from '../../tasks/task-model.ts'
import type { ObservedValue } from '../../formats/onnx/qdq/observed-ends.ts'
import type { Kept, RangeState } from '../ranges/range-state.ts'
import { mergeRangeStates } from '../ranges/range-state.ts'
import { channelMeans, mergeChannels } from './channel-means.ts'
import type { EndsModel } from './observe-in-graph.ts'
import type { ObserveSamplesInput, ObserveSamplesOutput } from './observe-samples.ts'
import { emptySeenValues } from './seen-values.ts'

export type ObserveRequest = {
  /** The float model with the observed values among its outputs. */
  readonly model: TaskModel
  readonly dataset: TaskDataset
  /** Where the model's tokenizer lies, for texts whose data set names none; null where there is none. */
  readonly folder: string | null
  /** How pictures are prepared; null: assumed from the shape of the model's input. */
  readonly preprocess: PreprocessSpec | null
  readonly values: readonly ObservedValue[]
  readonly keep: Kept
  /** Where ends alone are kept: a model that tells them, which is faster than to look at values. */
  readonly ends?: EndsModel | null
}

export type Observed = {
  /** One state a value, in their order. */
  readonly states: readonly RangeState[]
  /** Means of the channels of each value; `undefined` where none were wanted. */
  readonly means: readonly (readonly number[] | undefined)[]
  readonly samples: number
  readonly preprocess: PreprocessSpec | null
}

/** Samples of one job: states are sent and merged once a job, not once a sample. */
const SAMPLES_A_JOB = 8

/**
 * Runs the float model over calibration samples in the pool, and keeps of every value what its range
 * needs. Memory does not grow with the samples; any number of workers gives the same states.
 */
export async function observeDataset(
  host: Pick<Host, 'open' | 'tokenizer' | 'pool' | 'emit'>,
  request: ObserveRequest,
): Promise<Observed> {
  const { states, channels } = emptySeenValues(request.values.length, request.keep)
  const { total, sources } = await openSources(host, request.dataset, request)
  let preprocess: PreprocessSpec | null = null
  let done = 0
  const results = host.pool.map<ObserveSamplesInput, ObserveSamplesOutput>(
    'observe-samples',
    jobInputs(sources, request),
  )
  for await (const result of results) {
    for (const [at, later] of result.states.entries()) {
      const state = states[at]
      if (state !== undefined) mergeRangeStates(state, later)
    }
    for (const [at, later] of result.channels.entries()) {
      channels[at] = mergeChannels(channels[at] ?? null, later)
    }
    freeMemory(result.states.map(({ histogram }) => histogram.counts))
    preprocess ??= result.preprocess
    done = Math.min(total, done + SAMPLES_A_JOB)
    host.emit({ kind: 'progress', stage: 'calibrate', done, total, unit: 'samples' })
  }
  return { states, means: channels.map(channelMeans), samples: total, preprocess }
}

async function* jobInputs(
  sources: AsyncIterable<SampleSource>,
  { model, values, keep, ends = null }: ObserveRequest,
): AsyncGenerator<ObserveSamplesInput> {
  let samples: SampleSource[] = []
  for await (const sample of sources) {
    samples.push(sample)
    if (samples.length < SAMPLES_A_JOB) continue
    yield { model, samples, values, keep, ends }
    samples = []
  }
  if (samples.length > 0) yield { model, samples, values, keep, ends }
}
