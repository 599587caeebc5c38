import { int, ints } from '../../graph/builder.ts'
import type { FastvlmConfig } from './config.ts'
import { type Importer, linear, placeOf } from './layers.ts'
import { rotate, type RotaryTables } from './rotary.ts'

/** Keys and values of one layer, shape (batch, kv heads, length, head size). */
export type LayerCache = { readonly key: string; readonly value: string }

/** What is the same in every layer. */
export type AttentionContext = {
  readonly config: FastvlmConfig
  readonly rotary: RotaryTables
  /** Added to scores; shape (batch, 1, 1, sequence, total). */
  readonly scoreBias: string
}

/**
 * Grouped-query attention: each key-value head serves heads / kvHeads query heads. Queries are
 * seen as (batch, kv heads, group, sequence, head size), so products broadcast over the group and
 * keys and values are never repeated in memory.
 *
 * Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head
 * Checkpoints", 2023. https://arxiv.org/abs/2305.13245
 *
 * @param x - normalised hidden states, shape (batch, sequence, hidden size)
 */
export function attention(
  importer: Importer,
  x: string,
  layer: string,
  context: AttentionContext,
  past: LayerCache,
): { readonly value: string; readonly cache: LayerCache } {
  const { graph } = importer
  const { hiddenSize, heads, kvHeads, headDim } = context.config
  const at = placeOf(layer)
  const project = (name: string, count: number): string => {
    const size = { inputs: hiddenSize, outputs: count * headDim }
    const flat = linear(importer, x, `${layer}.${name}`, size, 'required')
    return splitHeads(importer, flat, count, headDim, at)
  }
  const append = (before: string, added: string): string =>
    graph.call('Concat', [before, added], { at, attributes: { axis: int(2) } })
  const query = rotate(graph, project('q_proj', heads), context.rotary, at)
  const key = rotate(graph, project('k_proj', kvHeads), context.rotary, at)
  const cache: LayerCache = {
    key: append(past.key, key),
    value: append(past.value, project('v_proj', kvHeads)),
  }
  const mixed = attend(importer, query, cache, context, at)
  const size = { inputs: heads * headDim, outputs: hiddenSize }
  return { value: linear(importer, mixed, `${layer}.o_proj`, size, 'none'), cache }
}

/** Shape (batch, sequence, heads * head size) to (batch, heads, sequence, head size). */
function splitHeads(
  { graph }: Importer,
  x: string,
  heads: number,
  headDim: number,
  at: string,
): string {
  const split = graph.call('Reshape', [x, graph.integers([0, 0, heads, headDim])], { at })
  return graph.call('Transpose', [split], { at, attributes: { perm: ints([0, 2, 1, 3]) } })
}

/** softmax(q * head size^-0.5 * transpose(k) + bias) * v; shape (batch, sequence, heads * size). */
function attend(
  { graph }: Importer,
  query: string,
  cache: LayerCache,
  context: AttentionContext,
  at: string,
): string {
  const { heads, kvHeads, headDim } = context.config
  const groupAxis = graph.integers([2])
  const scaled = graph.call('Mul', [query, graph.float(headDim ** -0.5)], { at })
  const groups = graph.integers([0, kvHeads, heads / kvHeads, -1, headDim])
  const grouped = graph.call('Reshape', [scaled, groups], { at })
  const keyColumns = graph.call('Transpose', [cache.key], {
    at,
    attributes: { perm: ints([0, 1, 3, 2]) },
  })
  const keys = graph.call('Unsqueeze', [keyColumns, groupAxis], { at })
  const values = graph.call('Unsqueeze', [cache.value, groupAxis], { at })
  const scores = graph.call('MatMul', [grouped, keys], { at })
  const biased = graph.call('Add', [scores, context.scoreBias], { at })
  const weights = graph.call('Softmax', [biased], { at, attributes: { axis: int(-1) } })
  const mixed = graph.call('MatMul', [weights, values], { at })
  const allHeads = graph.call('Reshape', [mixed, graph.integers([0, heads, -1, headDim])], { at })
  const perToken = graph.call('Transpose', [allHeads], {
    at,
    attributes: { perm: ints([0, 2, 1, 3]) },
  })
  return graph.call('Reshape', [perToken, graph.integers([0, 0, heads * headDim])], { at })
}
