import type { Finding } from '../base/finding.ts'
import type { Host, RuntimeOptions } from '../base/host.ts'
import type { SampleSource } from '../tasks/sample-feeds.ts'
import type { CompareGraphsInput, CompareGraphsOutput } from './compare-graphs.ts'
import type { Comparison } from './compare.ts'
import { addSums, notFiniteFinding } from './compare.ts'
import type { MetricSums, OutputMetrics } from './metrics.ts'
import { metricsOf, startMetrics } from './metrics.ts'

export type CompareFilesRequest = {
  /** Graphs to run; with probes they also give what is inside. */
  readonly reference: string
  readonly candidate: string
  /** Values inside the graphs, in the order in which they are computed. */
  readonly probes: readonly string[]
  readonly names: { readonly reference: string; readonly candidate: string; readonly data: string }
  readonly sources: AsyncIterable<SampleSource>
  readonly options: RuntimeOptions
  readonly findings: readonly Finding[]
}

/** A comparison that also says how far each value inside moved. */
export type FileComparison = Comparison & {
  /** Values inside, in the order in which they are computed. */
  readonly layers: readonly (OutputMetrics & { readonly name: string })[]
}

/** Compares the outputs of two versions of a graph, and what is inside them, on the same samples. */
export async function compareFiles(
  host: Pick<Host, 'pool' | 'emit'>,
  request: CompareFilesRequest,
): Promise<FileComparison> {
  const { reference, candidate, options } = request
  const totals = new Map<string, MetricSums>()
  const skipped = new Set<string>()
  let samples = 0
  async function* inputs(): AsyncGenerator<CompareGraphsInput> {
    for await (const source of request.sources) yield { reference, candidate, options, source }
  }
  const results = host.pool.map<CompareGraphsInput, CompareGraphsOutput>('compare-graphs', inputs())
  for await (const { outputs, skipped: left } of results) {
    for (const { name, sums } of outputs) {
      const total = totals.get(name) ?? startMetrics()
      addSums(total, sums)
      totals.set(name, total)
    }
    for (const name of left) skipped.add(name)
    samples += 1
    host.emit({ kind: 'progress', stage: 'compare', done: samples, total: 0, unit: 'samples' })
  }
  const inside = new Set(request.probes)
  const measured = [...totals].map(([name, sums]) => ({ name, ...metricsOf(sums) }))
  const outputs = measured.filter(({ name }) => !inside.has(name))
  const byName = new Map(measured.map((metrics) => [metrics.name, metrics]))
  const layers = request.probes.flatMap((probe) => byName.get(probe) ?? [])
  return {
    schema: 'mixbit/comparison@1',
    ...request.names,
    samples,
    outputs,
    layers,
    findings: [
      ...request.findings,
      ...outputs.filter(({ notFinite }) => notFinite > 0).map(notFiniteFinding),
      ...skippedFindings([...skipped].filter((name) => !inside.has(name))),
    ],
  }
}

function skippedFindings(names: readonly string[]): readonly Finding[] {
  return names.map((name) => ({
    code: 'output-skipped',
    severity: 'info',
    subject: name,
    message: `"${name}" is no float tensor in both graphs, so it was not compared.`,
  }))
}
