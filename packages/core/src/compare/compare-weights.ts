import { ensure } from '../base/error.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { Kernels } from '../kernels/kernels.ts'
import type { ValueChunk } from '../kernels/value-chunk.ts'
import { chunkValues, valueChunks } from '../kernels/value-chunk.ts'
import type { Weight } from '../tensor/weight.ts'
import type { Comparison } from './compare.ts'
import { addSums } from './compare.ts'
import type { MetricSums } from './metrics.ts'
import { addOutput, metricsOf, startMetrics } from './metrics.ts'

/** Input of the pool job `compare-chunks`: the same rows of a weight in two models. */
export type CompareChunksInput = { readonly reference: ValueChunk; readonly candidate: ValueChunk }

/** Pool job: sums up how far one chunk of a weight moved. */
export function compareChunks(kernels: Kernels, input: CompareChunksInput): MetricSums {
  const { rows, columns } = input.reference
  const sums = startMetrics()
  // A row of weights has no winner, so every value is a position of its own.
  const shape = [rows * columns, 1]
  addOutput(
    sums,
    { shape, values: chunkValues(kernels, input.reference) },
    { shape, values: chunkValues(kernels, input.candidate) },
  )
  return sums
}

/** Two models by the names of their weights. */
export type CompareWeightsRequest = {
  readonly reference: { readonly path: string; readonly weights: ReadonlyMap<string, Weight> }
  readonly candidate: { readonly path: string; readonly weights: ReadonlyMap<string, Weight> }
}

/**
 * Compares the dense values of the weights that two models share by name: for each, how far what is
 * stored in the candidate moved from the reference.
 *
 * @throws `wrong-shape` when a weight has another shape, or when no name is shared
 */
export async function compareWeights(
  host: Pick<Host, 'pool' | 'emit'>,
  { reference, candidate }: CompareWeightsRequest,
): Promise<Comparison> {
  const shared = [...reference.weights.keys()].filter((name) => candidate.weights.has(name))
  ensure(
    shared.length > 0,
    'wrong-shape',
    `"${candidate.path}" and "${reference.path}" share no weight by name. Compare two versions of the same model.`,
    { reference: reference.path, candidate: candidate.path },
  )
  const owners: string[] = []
  async function* inputs(): AsyncGenerator<CompareChunksInput> {
    for (const name of shared) {
      for await (const pair of chunkPairs(
        name,
        reference.weights.get(name),
        candidate.weights.get(name),
      )) {
        owners.push(name)
        yield pair
      }
    }
  }
  const totals = new Map(shared.map((name) => [name, startMetrics()]))
  let done = 0
  for await (const part of host.pool.map<CompareChunksInput, MetricSums>(
    'compare-chunks',
    inputs(),
  )) {
    const name = owners[done++] ?? ''
    const total = totals.get(name)
    if (total !== undefined) addSums(total, part)
    const unit = 'chunks'
    host.emit({ kind: 'progress', stage: 'compare', done, total: owners.length, unit })
  }
  return {
    schema: 'mixbit/comparison@1',
    reference: reference.path,
    candidate: candidate.path,
    data: 'weights',
    samples: shared.length,
    outputs: [...totals].map(([name, sums]) => ({ name, ...metricsOf(sums) })),
    findings: missingFindings(reference, candidate),
  }
}

async function* chunkPairs(
  name: string,
  reference: Weight | undefined,
  candidate: Weight | undefined,
): AsyncGenerator<CompareChunksInput> {
  if (reference === undefined || candidate === undefined) return
  const { shape } = reference
  ensure(
    shape.length === candidate.shape.length &&
      shape.every((size, axis) => size === candidate.shape[axis]),
    'wrong-shape',
    `"${name}" has the shape [${shape.join(', ')}] in one model and [${candidate.shape.join(', ')}] in the other. Compare two versions of the same model.`,
    { weight: name },
  )
  const others = valueChunks(candidate, 'split')
  for await (const chunk of valueChunks(reference, 'split')) {
    const other = await others.next()
    if (other.done === true) return
    yield { reference: chunk, candidate: other.value }
  }
}

/** Weights that only one of the two has were not compared. */
function missingFindings(
  { weights: own }: CompareWeightsRequest['reference'],
  { weights: other }: CompareWeightsRequest['candidate'],
): readonly Finding[] {
  const alone = [
    ...[...own.keys()].filter((name) => !other.has(name)),
    ...[...other.keys()].filter((name) => !own.has(name)),
  ]
  const [first] = alone
  if (first === undefined) return []
  return [
    {
      code: 'weights-not-compared',
      severity: 'warning',
      message: `${alone.length} weights are in one of the two models only and were not compared, such as "${first}".`,
    },
  ]
}
