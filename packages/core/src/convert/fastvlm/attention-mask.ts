import { type GraphBuilder, int } from '../../graph/builder.ts'

/**
 * Added to the score of a place that must not be seen. Its exponential is exactly 0 in float32,
 * it stays finite in half precision, and a row without any place to see stays finite too.
 */
const HIDDEN_SCORE = -30_000

/** TensorProto.DataType. */
const BOOL = 9

/**
 * What is added to attention scores: 0 where query i may see key j, else a large negative number.
 * A query sees the keys up to its own place, as far as the attention mask is 1 there.
 *
 * @param embeds - shape (batch, sequence, hidden size): the new tokens, the last of the total
 * @param attentionMask - int64, shape (batch, total)
 * @returns float32, shape (batch, 1, 1, sequence, total)
 */
export function scoreBias(graph: GraphBuilder, embeds: string, attentionMask: string): string {
  const at = 'mask'
  const sequence = sizeOf(graph, embeds, at)
  const total = sizeOf(graph, attentionMask, at)
  const keys = countTo(graph, total, at)
  const past = graph.call('Sub', [total, sequence], { at })
  const queries = graph.call('Add', [countTo(graph, sequence, at), past], { at })
  const queryColumn = graph.call('Unsqueeze', [queries, graph.integers([1])], { at })
  const isBefore = graph.call('LessOrEqual', [keys, queryColumn], { at })
  const present = graph.call('Cast', [attentionMask], { at, attributes: { to: int(BOOL) } })
  const presentRows = graph.call('Unsqueeze', [present, graph.integers([1, 2, 3])], { at })
  const isSeen = graph.call('And', [isBefore, presentRows], { at })
  return graph.call('Where', [isSeen, graph.float(0), graph.float(HIDDEN_SCORE)], { at })
}

/** The size of axis 1, as a scalar. */
function sizeOf(graph: GraphBuilder, value: string, at: string): string {
  const shape = graph.call('Shape', [value], { at })
  return graph.call('Gather', [shape, graph.integers(1)], { at, attributes: { axis: int(0) } })
}

/** 0, 1, ..., end - 1. */
function countTo(graph: GraphBuilder, end: string, at: string): string {
  return graph.call('Range', [graph.integers(0), end, graph.integers(1)], { at })
}
