import type { Graph } from '../graph/graph.ts'
import { BITS } from '../tensor/dtype.ts'
import { elementsOf } from '../tensor/weight.ts'
import type { WeightRole } from '../operators/weight-role.ts'
import type { WeightFacts } from './audit-types.ts'
import type { Position } from './positions.ts'
import { positions } from './positions.ts'
import type { WeightUse } from '../graph/weight-uses.ts'
import { weightUses } from '../graph/weight-uses.ts'

/**
 * Facts of every weight of a model's graphs, each layer once, in graph order. A weight that
 * several graphs use (a tied table) gets the role that covers all its uses.
 */
export function weightFacts(graphs: readonly Graph[]): readonly WeightFacts[] {
  const layers = new Map<string, WeightFacts>()
  for (const graph of graphs) {
    const uses = weightUses(graph)
    const places = positions(graph, uses)
    for (const [name, { layer, component, weight }] of graph.weights) {
      const own = uses.filter((use) => use.weight === name)
      const earlier = layers.get(layer)
      const role = combine(earlier?.role, roleOf(own, weight.shape))
      const elements = elementsOf(weight.shape)
      layers.set(layer, {
        layer,
        component,
        role,
        dtype: weight.dtype,
        shape: weight.shape,
        elements,
        bytes: (elements * BITS[weight.dtype]) / 8,
        ...axesOf(role),
        position: combinePositions(earlier?.position, places.get(name) ?? 'inner', role),
        scan: null,
      })
    }
  }
  return [...layers.values()]
}

function roleOf(uses: readonly WeightUse[], shape: readonly number[]): WeightRole {
  if (shape.filter((size) => size !== 1).length < 2) return 'vector'
  const kinds = new Set(uses.map((use) => useRole(use, shape)))
  if (kinds.has('embedding') && kinds.has('linear') && kinds.size === 2) return 'tied-embedding'
  const [role] = kinds
  return kinds.size === 1 && role !== undefined ? role : 'other'
}

function useRole(use: WeightUse, shape: readonly number[]): WeightRole {
  if (use.input === null) return 'other'
  switch (use.input.kind) {
    case 'conv':
      if (use.isTransposed) return 'other'
      return use.input.groups > 1 && shape[1] === 1 ? 'depthwise-conv' : 'conv'
    case 'matmul':
      if (use.isTransposed && shape.length === 2 && use.input.input === 1) return 'linear'
      return use.isTransposed || use.input.input === 1 ? 'other' : 'matrix'
    case 'gather':
      return use.isTransposed ? 'other' : 'embedding'
    // Graphs of ours have none of these; files have, and say what they are when lifted.
    case 'gemm':
    case 'conv-transpose':
    case 'recurrent':
      return 'other'
  }
}

function combine(earlier: WeightRole | undefined, role: WeightRole): WeightRole {
  if (earlier === undefined || earlier === role) return role
  const both = [earlier, role]
  if (both.includes('embedding') && both.includes('linear')) return 'tied-embedding'
  return 'other'
}

/** A table that is also the head keeps its component's precision (DESIGN: default protection). */
function combinePositions(
  earlier: Position | undefined,
  position: Position,
  role: WeightRole,
): Position {
  if (role === 'tied-embedding') return 'inner'
  return position === 'inner' ? (earlier ?? 'inner') : position
}

export function axesOf(role: WeightRole): { outputAxis: number | null; inputAxis: number | null } {
  return role === 'vector' || role === 'other'
    ? { outputAxis: null, inputAxis: null }
    : { outputAxis: 0, inputAxis: 1 }
}
