import { graphBuilder, int } from '../../graph/builder.ts'
import type { Graph, GraphWeight } from '../../graph/graph.ts'

/** The name of the token table in both graphs that hold it. */
export const TABLE_NAME = 'embed_tokens.weight'

/**
 * Builds the lookup of token embeddings.
 *
 * Input `input_ids` int64 (batch_size, sequence_length);
 * output `inputs_embeds` float32 (batch_size, sequence_length, hidden size).
 *
 * @param table - shape (tokens, hidden size)
 */
export function buildEmbedTokens(table: GraphWeight, opset: number): Graph {
  const graph = graphBuilder('embed_tokens', opset)
  const ids = graph.input('input_ids', 'int64', ['batch_size', 'sequence_length'])
  const rows = graph.call('Gather', [graph.weight(TABLE_NAME, table), ids], {
    at: 'embed_tokens',
    attributes: { axis: int(0) },
  })
  const hiddenSize = table.weight.shape[1] ?? 0
  graph.output(rows, 'inputs_embeds', 'float32', ['batch_size', 'sequence_length', hiddenSize])
  return graph.build()
}
