import { ensure } from '../base/error.ts'
import type { JobContext, NamedTensors, RuntimeOptions, Session } from '../base/host.ts'
import { toFloat32 } from '../tasks/cast-tensor.ts'
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

/** Sums for each float output that both graphs have, in the order of the reference. */
export type CompareGraphsOutput = {
  readonly outputs: readonly { readonly name: string; readonly sums: MetricSums }[]
  /** Outputs that are no float tensors in both, and so were not compared. */
  readonly skipped: readonly string[]
}

/** Pool job: runs two graphs on the same inputs and sums up how far their outputs are apart. */
export async function compareGraphs(
  input: CompareGraphsInput,
  context: JobContext,
): Promise<CompareGraphsOutput> {
  const reference = await context.session(input.reference, input.options)
  const candidate = await context.session(input.candidate, input.options)
  const { compared, skipped } = commonOutputs(reference, candidate)
  if (compared.length === 0) return { outputs: [], skipped }
  const feeds = await sampleFeeds(reference, input.source, context)
  const own = await reference.run(feeds, compared)
  const other = await candidate.run(feeds, compared)
  return { outputs: compared.map((name) => ({ name, sums: sumsOf(name, own, other) })), skipped }
}

/** Names of the outputs that are floats in both graphs, and of the reference's others. */
function commonOutputs(
  reference: Session,
  candidate: Session,
): { readonly compared: readonly string[]; readonly skipped: readonly string[] } {
  const types = new Map(candidate.outputs.map(({ name, dtype }) => [name, dtype]))
  ensure(
    reference.outputs.some(({ name }) => types.has(name)),
    'wrong-shape',
    `The graphs share no output: one has ${namesOf(reference)}, the other ${namesOf(candidate)}. Compare two versions of the same model.`,
  )
  const compared = reference.outputs
    .filter(({ name, dtype }) => isFloat(dtype) && isFloat(types.get(name)))
    .map(({ name }) => name)
  const taken = new Set(compared)
  const others = reference.outputs.filter(({ name }) => !taken.has(name))
  return { compared, skipped: others.map(({ name }) => name) }
}

function namesOf({ outputs }: Session): string {
  return outputs.map(({ name }) => name).join(', ')
}

/** Halves are compared as float32: a quantized graph may give one for the other. */
function isFloat(dtype: string | undefined): boolean {
  return dtype === 'float32' || dtype === 'float16'
}

function sumsOf(name: string, own: NamedTensors, other: NamedTensors): MetricSums {
  const sums = startMetrics()
  const [x, y] = [own[name], other[name]]
  if (x === undefined || y === undefined) throw new TypeError(`a graph gave no "${name}"`)
  addOutput(
    sums,
    { shape: x.shape, values: toFloat32(x) },
    { shape: y.shape, values: toFloat32(y) },
  )
  return sums
}
