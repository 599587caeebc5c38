import { ensure } from '../../base/error.ts'
import type { JobContext, SessionValue } from '../../base/host.ts'
import type { SampleSource } from '../../tasks/sample-feeds.ts'
import { sampleFeeds } from '../../tasks/sample-feeds.ts'
import type { TaskModel } from '../../tasks/task-model.ts'
import { poolOpenAxes, sketch } from './features.ts'

/** Input of the pool job `sample-features`. */
export type SampleFeaturesInput = {
  readonly model: TaskModel
  readonly source: SampleSource
  readonly seed: number
}

/** Pool job: what a graph's first float output says of a sample (the first output, if none is float). */
export async function sampleFeatures(
  { model, source, seed }: SampleFeaturesInput,
  context: JobContext,
): Promise<Float32Array> {
  const session = await context.session(model.file, model.options)
  const output = session.outputs.find(isFloat) ?? session.outputs[0]
  ensure(output !== undefined, 'unsupported-model', `"${model.file}" has no outputs.`)
  const results = await session.run(await sampleFeeds(session, source, context), [output.name])
  const tensor = results[output.name]
  ensure(tensor !== undefined, 'unsupported-model', `The model gives no output "${output.name}".`, {
    name: output.name,
  })
  return sketch(poolOpenAxes(tensor, output.shape), seed)
}

function isFloat({ dtype }: SessionValue): boolean {
  return dtype === 'float32' || dtype === 'float16'
}
