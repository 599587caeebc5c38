import { ensure } from '../base/error.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { Kernels } from '../kernels/kernels.ts'
import type { ValueChunk } from '../kernels/value-chunk.ts'
import { chunkValues, valueChunks } from '../kernels/value-chunk.ts'
import type { Weight } from '../tensor/weight.ts'
import type { ComparedOutput, Comparison } from './compare.ts'
import { addSums, notFiniteFinding } from './compare.ts'
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
  const x = chunkValues(kernels, input.reference)
  const y = chunkValues(kernels, input.candidate)
  addOutput(sums, { shape, values: x }, { shape, values: y })
  // Masks hold infinities: what is the same in both is nothing to tell.
  return sums.notFinite === 0 ? sums : { ...sums, notFinite: sums.notFinite - sameSpecials(x, y) }
}

/** Pairs that are the same infinity, or both NaN. */
function sameSpecials(x: Float32Array, y: Float32Array): number {
  let count = 0
  for (let i = 0; i < x.length; i++) {
    const value = x[i] ?? 0
    if (!Number.isFinite(value) && Object.is(value, y[i])) count++
  }
  return count
}

/** One weight of two models. */
export type WeightPair = {
  readonly name: string
  /** As `--layer` takes it; messages have this name. */
  readonly layer: string
  readonly reference: Weight
  readonly candidate: Weight
  readonly stored: NonNullable<ComparedOutput['stored']>
}

export type CompareWeightsRequest = {
  /** Names of the models. */
  readonly reference: string
  readonly candidate: string
  readonly pairs: readonly WeightPair[]
  /** Layers that only one of the two has. */
  readonly alone: readonly string[]
}

/**
 * Compares the dense values of the weights that two models share: for each, how far what is stored in
 * the candidate moved from the reference.
 *
 * @throws `wrong-shape` when a weight has another shape, or when none is shared
 */
export async function compareWeights(
  host: Pick<Host, 'pool' | 'emit'>,
  { reference, candidate, pairs, alone }: CompareWeightsRequest,
): Promise<Comparison> {
  ensure(
    pairs.length > 0,
    'wrong-shape',
    `"${candidate}" and "${reference}" share no weight. Compare two versions of the same model.`,
    { reference, candidate },
  )
  const owners: string[] = []
  async function* inputs(): AsyncGenerator<CompareChunksInput> {
    for (const pair of pairs) {
      for await (const chunks of chunkPairs(pair)) {
        owners.push(pair.name)
        yield chunks
      }
    }
  }
  const totals = new Map(pairs.map(({ name }) => [name, startMetrics()]))
  const results = host.pool.map<CompareChunksInput, MetricSums>('compare-chunks', inputs())
  let done = 0
  for await (const part of results) {
    const total = totals.get(owners[done++] ?? '')
    if (total !== undefined) addSums(total, part)
    const unit = 'chunks'
    host.emit({ kind: 'progress', stage: 'compare', done, total: owners.length, unit })
  }
  const outputs = pairs.map(({ name, layer, stored }) => ({
    name,
    layer,
    ...metricsOf(totals.get(name) ?? startMetrics()),
    stored,
  }))
  return {
    schema: 'mixbit/comparison@1',
    reference,
    candidate,
    data: 'weights',
    samples: pairs.length,
    outputs,
    findings: [
      ...outputs
        .filter(({ notFinite }) => notFinite > 0)
        .map((output) => notFiniteFinding({ ...output, name: output.layer })),
      ...aloneFindings(alone),
    ],
  }
}

async function* chunkPairs({
  name,
  layer,
  reference,
  candidate,
}: WeightPair): AsyncGenerator<CompareChunksInput> {
  const { shape } = reference
  ensure(
    shape.length === candidate.shape.length &&
      shape.every((size, axis) => size === candidate.shape[axis]),
    'wrong-shape',
    `"${layer}" has the shape [${shape.join(', ')}] in one model and [${candidate.shape.join(', ')}] in the other. Compare two versions of the same model.`,
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
function aloneFindings(alone: readonly string[]): readonly Finding[] {
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
