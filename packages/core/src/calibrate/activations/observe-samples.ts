import type { JobContext, Session } from '../../base/host.ts'
import type { ObservedValue } from '../../formats/onnx/qdq/observed-ends.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { PreprocessSpec } from '../../tasks/preprocess.ts'
import type { SampleSource } from '../../tasks/sample-feeds.ts'
import { preparedFeeds } from '../../tasks/sample-feeds.ts'
import type { TaskModel } from '../../tasks/task-model.ts'
import type { Kept } from '../ranges/range-state.ts'
import type { EndsModel, ToldSample } from './observe-in-graph.ts'
import { observeInGraph } from './observe-in-graph.ts'
import { observeWhole } from './observe-whole.ts'
import type { SeenValues } from './seen-values.ts'
import { emptySeenValues } from './seen-values.ts'

/** Input of the pool job `observe-samples`. */
export type ObserveSamplesInput = {
  /** The float model with the observed values among its outputs. */
  readonly model: TaskModel
  readonly samples: readonly SampleSource[]
  readonly values: readonly ObservedValue[]
  readonly keep: Kept
  /** Where ends alone are kept: a model that tells them, which is faster than to look at values. */
  readonly ends?: EndsModel | null
}

/** What was seen, in the order of the values. */
export type ObserveSamplesOutput = SeenValues & {
  /** How pictures were prepared; null for ready-made tensors. */
  readonly preprocess: PreprocessSpec | null
}

/** Pool job: runs the float model on some samples and keeps what the ranges of its values need. */
export async function observeSamples(
  kernels: Kernels,
  { model, samples, values, keep, ends = null }: ObserveSamplesInput,
  context: JobContext,
): Promise<ObserveSamplesOutput> {
  const seen = emptySeenValues(values.length, keep)
  const sizes = new Float64Array(values.length)
  const whole = (): Promise<Session> => context.session(model.file, model.options)
  let telling = ends === null ? null : await openEnds(ends, context)
  let session = telling?.session ?? (await whole())
  let preprocess: PreprocessSpec | null = null
  for (const sample of samples) {
    const prepared = await preparedFeeds(session, sample, context)
    const { feeds } = prepared
    preprocess ??= prepared.preprocess
    if (telling !== null) {
      if (await observeInGraph(seen, { ...telling, feeds, values }, kernels)) continue
      // What stops one sample often stops others: they are not tried.
      telling = null
      session = await whole()
    }
    await observeWhole(seen, keep, { session, feeds, values, sizes }, kernels)
  }
  return { ...seen, preprocess }
}

/** Null where the runtime does not load the model that tells ends: it is a short cut. */
async function openEnds(
  { model, vector, ends }: EndsModel,
  context: JobContext,
): Promise<Pick<ToldSample, 'session' | 'vector' | 'ends'> | null> {
  const session = await context.session(model.file, model.options).catch(() => null)
  return session === null ? null : { session, vector, ends }
}
