import { boundariesOf, clusterRoom } from './cluster-at-price.ts'
import type { ClusterRoom } from './cluster-at-price.ts'
import { splitSorted } from './cluster-sorted.ts'
import { KEYS } from './half-keys.ts'
import type { Arena } from './simd-arena.ts'

/** `clusterSorted` with its passes in WebAssembly, over up to 65,535 points. */
export function simdClusterSorted(
  arena: Arena,
  ends: Uint32Array,
  weight: Float64Array,
  sum: Float64Array,
): void {
  splitSorted(ends, weight, sum, (points) =>
    points < KEYS ? arenaRoom(arena, points) : clusterRoom(points),
  )
}

function arenaRoom(arena: Arena, points: number): ClusterRoom {
  const { at } = arena
  const scratch = [at.out, at.x, at.weights, at.scale, at.from] as const
  const length = points + 1
  const prefixes = {
    weights: arena.doubles(at.prefixes, length),
    sums: arena.doubles(at.sums, length),
  }
  const data = [at.prefixes, at.sums, points] as const
  return {
    prefixes,
    clusterAt: (price) => arena.run('clusterAtPrice', ...scratch, ...data, price),
    boundaries: (count) => boundariesOf(arena.words(at.x, length), count),
  }
}
