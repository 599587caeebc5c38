import { ensure } from '../base/error.ts'
import type { JobContext, NamedTensors, RuntimeOptions } from '../base/host.ts'
import type { SampleSource } from '../tasks/sample-feeds.ts'
import { sampleFeeds } from '../tasks/sample-feeds.ts'
import type { MetricSums } from './metrics.ts'
import { addOutput, startMetrics } from './metrics.ts'

/** Input of the pool job `compare-graphs`: two graphs and one sample. */
export type CompareGraphsInput = {
  readonly reference: string
  readonly candidate: string
  readonly options: RuntimeOptions
  readonly source: SampleSource
}

/** Sums for each output that both graphs have, in the order of the reference. */
export type CompareGraphsOutput = {
  readonly outputs: readonly { readonly name: string; readonly sums: MetricSums }[]
  /** Outputs that are no float32 tensors in both, and so were not compared. */
  readonly skipped: readonly string[]
}

/** Pool job: runs two graphs on the same inputs and sums up how far their outputs are apart. */
export async function compareGraphs(
  input: CompareGraphsInput,
  context: JobContext,
): Promise<CompareGraphsOutput> {
  const reference = await context.session(input.reference, input.options)
  const candidate = await context.session(input.candidate, input.options)
  const feeds = await sampleFeeds(reference, input.source, context)
  const own = await reference.run(feeds)
  const other = await candidate.run(feeds)
  const names = reference.outputs.map(({ name }) => name)
  ensure(
    names.some((name) => other[name] !== undefined),
    'wrong-shape',
    `The graphs share no output: one has ${names.join(', ')}, the other ${candidate.outputs.map(({ name }) => name).join(', ')}. Compare two versions of the same model.`,
  )
  return compared(names, own, other)
}

function compared(
  names: readonly string[],
  own: NamedTensors,
  other: NamedTensors,
): CompareGraphsOutput {
  const outputs: { name: string; sums: MetricSums }[] = []
  const skipped: string[] = []
  for (const name of names) {
    const x = own[name]
    const y = other[name]
    if (!(x?.data instanceof Float32Array) || !(y?.data instanceof Float32Array)) {
      skipped.push(name)
      continue
    }
    const sums = startMetrics()
    addOutput(sums, { shape: x.shape, values: x.data }, { shape: y.shape, values: y.data })
    outputs.push({ name, sums })
  }
  return { outputs, skipped }
}
