import type { LiftedOnnx, LiftedWeight } from '../convert/lift-onnx.ts'
import type { Node } from '../graph/graph.ts'
import { BITS } from '../tensor/dtype.ts'
import { elementsOf } from '../tensor/weight.ts'
import type { WeightFacts } from './audit-types.ts'
import type { Multiplier } from './positions.ts'
import { placesOf } from './positions.ts'
import { axesOf } from './weights.ts'

/** Facts of every float weight of a lifted document, in the order of the file. */
export function documentWeights({ graph, sources }: LiftedOnnx): readonly WeightFacts[] {
  const places = placesOf(graph, multipliers(graph.nodes, sources))
  return [...sources].map(([key, source]): WeightFacts => {
    const { layer, role, dtype, weight, whyFloat } = source
    const elements = elementsOf(weight.shape)
    return {
      layer,
      component: graph.name,
      role,
      dtype,
      shape: weight.shape,
      elements,
      bytes: (elements * BITS[dtype]) / 8,
      ...axesOf(role),
      position: role === 'tied-embedding' ? 'inner' : (places.get(key) ?? 'inner'),
      ...(whyFloat === null ? {} : { whyFloat }),
      scan: null,
    }
  })
}

/** Weights that multiply, by operator, in the order of the graph. */
function multipliers(
  nodes: readonly Node[],
  sources: ReadonlyMap<string, LiftedWeight>,
): readonly Multiplier[] {
  const order = new Map(nodes.map((node, at) => [node, at]))
  return [...sources]
    .filter(([, { role, whyFloat }]) => whyFloat === null && role !== 'embedding')
    .flatMap(([weight, { uses }]) => uses.map((node) => ({ weight, node })))
    .filter(({ node }) => node.op !== 'Gather')
    .toSorted((a, b) => (order.get(a.node) ?? 0) - (order.get(b.node) ?? 0))
}
