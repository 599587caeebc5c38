import type { Host } from '../base/host.ts'
import type { Graph } from '../graph/graph.ts'
import type { Kernels, ValueScan } from '../kernels/kernels.ts'
import { mergeScans } from '../kernels/scan.ts'
import type { ValueChunk } from '../kernels/value-chunk.ts'
import { chunkValues, placedChunks, storedHalves } from '../kernels/value-chunk.ts'
import type { Weight } from '../tensor/weight.ts'
import type { WeightFacts, WeightScan } from './audit-types.ts'

/** Pool job: what is in one chunk of a weight. */
export function scanChunk(kernels: Kernels, chunk: ValueChunk): ValueScan {
  const { stored, dtype, columns } = chunk
  if (stored === null || dtype !== 'float16') {
    return kernels.scanValues(chunkValues(kernels, chunk), columns)
  }
  return kernels.scanHalves(storedHalves(stored), columns)
}

/**
 * Reads every weight once and completes its facts with ranges, non-finite values and zeros.
 * Memory: a few chunks of 8 MiB.
 */
export function scanWeights(
  host: Pick<Host, 'pool' | 'emit'>,
  graphs: readonly Graph[],
  facts: readonly WeightFacts[],
): Promise<readonly WeightFacts[]> {
  return scanSources(host, weightsByLayer(graphs), facts)
}

/** The same, of weights by layer name. */
export async function scanSources(
  host: Pick<Host, 'pool' | 'emit'>,
  sources: ReadonlyMap<string, Weight>,
  facts: readonly WeightFacts[],
): Promise<readonly WeightFacts[]> {
  const owners: string[] = []
  async function* inputs(): AsyncGenerator<ValueChunk> {
    for (const { layer } of facts) {
      const weight = sources.get(layer)
      if (weight === undefined) continue
      for await (const chunk of placedChunks(weight, 'split')) {
        owners.push(layer)
        yield chunk
      }
    }
  }
  const scans = new Map<string, ValueScan>()
  let done = 0
  for await (const part of host.pool.map<ValueChunk, ValueScan>('scan-chunk', inputs())) {
    const layer = owners[done++] ?? ''
    const earlier = scans.get(layer)
    scans.set(layer, earlier === undefined ? part : mergeScans(earlier, part))
    host.emit({
      kind: 'progress',
      stage: 'audit',
      done: scans.size,
      total: facts.length,
      unit: 'weights',
    })
  }
  return facts.map((fact) => {
    const scan = scans.get(fact.layer)
    return scan === undefined ? fact : { ...fact, scan: weightScan(scan) }
  })
}

/** The weight behind each layer name; a tied table once. */
function weightsByLayer(graphs: readonly Graph[]): ReadonlyMap<string, Weight> {
  return new Map(
    graphs.flatMap((graph) =>
      [...graph.weights.values()].map(({ layer, weight }) => [layer, weight] as const),
    ),
  )
}

/** Never NaN or infinite: an empty or wholly non-finite weight has range 0. */
function weightScan(scan: ValueScan): WeightScan {
  const { finite } = scan
  const mean = finite === 0 ? 0 : scan.sum / finite
  const variance = finite === 0 ? 0 : Math.max(0, scan.sumSquares / finite - mean * mean)
  return {
    min: finite === 0 ? 0 : scan.min,
    max: finite === 0 ? 0 : scan.max,
    mean,
    standardDeviation: Math.sqrt(variance),
    notFinite: scan.notFinite,
    zeros: scan.zeros,
    smallestGroup: scan.smallestGroup,
  }
}
