import { graphBuilder, int } from '../../graph/builder.ts'
import type { Graph, GraphWeight } from '../../graph/graph.ts'
import { scoreBias } from './attention-mask.ts'
import type { FastvlmConfig } from './config.ts'
import { type AttentionContext, attention, type LayerCache } from './decoder-attention.ts'
import { TABLE_NAME } from './embed-tokens.ts'
import { addWeight, type Importer, linear, multiply, placeOf } from './layers.ts'
import { rotaryTables } from './rotary.ts'
import type { Tensors } from './tensors.ts'

/** The output head: the token table again, or a matrix of its own. */
export type OutputHead =
  | { readonly kind: 'tied'; readonly table: GraphWeight }
  | { readonly kind: 'untied' }

/** Reads to the end of an axis, whatever its size. */
const END = 2 ** 53 - 1

/**
 * Builds the Qwen2 decoder with key-value cache, in the interface of transformers.js: inputs
 * `inputs_embeds`, `attention_mask`, `position_ids`, `num_logits_to_keep` (0 keeps all) and
 * `past_key_values.N.key`, `.value`; outputs `logits` and `present.N.key`, `.value`.
 *
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/qwen2/modeling_qwen2.py
 */
export function buildDecoder(
  tensors: Tensors,
  config: FastvlmConfig,
  head: OutputHead,
  opset: number,
): Graph {
  const graph = graphBuilder('decoder_model_merged', opset)
  const embeds = graph.input('inputs_embeds', 'float32', [
    'batch_size',
    'sequence_length',
    config.hiddenSize,
  ])
  const mask = graph.input('attention_mask', 'int64', ['batch_size', 'total_sequence_length'])
  const positions = graph.input('position_ids', 'int64', ['batch_size', 'sequence_length'])
  const logitsToKeep = graph.input('num_logits_to_keep', 'int64', [])
  const importer: Importer = { graph, tensors }
  const past = pastInputs(importer, config)
  const context: AttentionContext = {
    config,
    rotary: rotaryTables(graph, positions, config),
    scoreBias: scoreBias(graph, embeds, mask),
  }
  const { x, present } = layers(importer, embeds, context, past)
  const kept = keepLast(importer, x, logitsToKeep)
  const normed = rmsNorm(importer, kept, 'decoder.norm', config)
  outputHead(importer, normed, config, head)
  presentOutputs(importer, config, present)
  return graph.build()
}

/** Hidden states after all layers, and the grown cache of each. */
function layers(
  importer: Importer,
  embeds: string,
  context: AttentionContext,
  past: readonly LayerCache[],
): { readonly x: string; readonly present: readonly LayerCache[] } {
  const { graph } = importer
  const { config } = context
  const present: LayerCache[] = []
  let x = embeds
  for (const [i, cache] of past.entries()) {
    const layer = `decoder.layers.${i}`
    const at = placeOf(layer)
    const normed = rmsNorm(importer, x, `${layer}.input_layernorm`, config)
    const attended = attention(importer, normed, `${layer}.self_attn`, context, cache)
    present.push(attended.cache)
    x = graph.call('Add', [x, attended.value], { at })
    const normedAgain = rmsNorm(importer, x, `${layer}.post_attention_layernorm`, config)
    x = graph.call('Add', [x, mlp(importer, normedAgain, `${layer}.mlp`, config.hiddenSize)], {
      at,
    })
  }
  return { x, present }
}

/** down(silu(gate(x)) * up(x)), with silu(g) = g * sigmoid(g). */
function mlp(importer: Importer, x: string, layer: string, hiddenSize: number): string {
  const { graph, tensors } = importer
  const at = placeOf(layer)
  const [width = 0] = tensors.take(`${layer}.gate_proj.weight`, ['any', hiddenSize]).shape
  const wider = { inputs: hiddenSize, outputs: width }
  const gate = linear(importer, x, `${layer}.gate_proj`, wider, 'none')
  const up = linear(importer, x, `${layer}.up_proj`, wider, 'none')
  const silu = graph.call('Mul', [gate, graph.call('Sigmoid', [gate], { at })], { at })
  const product = graph.call('Mul', [silu, up], { at })
  const narrower = { inputs: width, outputs: hiddenSize }
  return linear(importer, product, `${layer}.down_proj`, narrower, 'none')
}

/** x / sqrt(mean(x^2) + epsilon) * weight, in the nodes that ONNX Runtime fuses into one. */
function rmsNorm(
  importer: Importer,
  x: string,
  layer: string,
  config: { readonly hiddenSize: number; readonly rmsNormEpsilon: number },
): string {
  const { graph, tensors } = importer
  const at = placeOf(layer)
  const weight = tensors.take(`${layer}.weight`, [config.hiddenSize])
  const square = graph.call('Pow', [x, graph.float(2)], { at })
  const mean = graph.call('ReduceMean', [square, graph.integers([-1])], {
    at,
    attributes: { keepdims: int(1) },
  })
  const shifted = graph.call('Add', [mean, graph.float(config.rmsNormEpsilon)], { at })
  const root = graph.call('Sqrt', [shifted], { at })
  const unit = graph.call('Div', [x, root], { at })
  return graph.call('Mul', [unit, addWeight(importer, `${layer}.weight`, weight)], { at })
}

/** The last `count` places of axis 1; all of them for 0, because -0 is the start. */
function keepLast({ graph }: Importer, x: string, count: string): string {
  const at = 'keep'
  const vector = graph.call('Reshape', [count, graph.integers([1])], { at })
  const start = graph.call('Neg', [vector], { at })
  return graph.call('Slice', [x, start, graph.integers([END]), graph.integers([1])], { at })
}

function outputHead(
  importer: Importer,
  x: string,
  { hiddenSize }: FastvlmConfig,
  head: OutputHead,
): void {
  const { graph, tensors } = importer
  const layer = 'decoder.lm_head.weight'
  const weight = head.kind === 'tied' ? head.table.weight : tensors.take(layer, ['any', hiddenSize])
  const name =
    head.kind === 'tied' ? graph.weight(TABLE_NAME, head.table) : addWeight(importer, layer, weight)
  const logits = multiply(importer, x, name, 'lm_head')
  const tokens = weight.shape[0] ?? 0
  graph.output(logits, 'logits', 'float32', ['batch_size', 'logits_length', tokens])
}

function pastInputs({ graph }: Importer, config: FastvlmConfig): readonly LayerCache[] {
  const shape = ['batch_size', config.kvHeads, 'past_sequence_length', config.headDim] as const
  return Array.from({ length: config.layers }, (_, i) => ({
    key: graph.input(`past_key_values.${i}.key`, 'float32', shape),
    value: graph.input(`past_key_values.${i}.value`, 'float32', shape),
  }))
}

function presentOutputs(
  { graph }: Importer,
  config: FastvlmConfig,
  present: readonly LayerCache[],
): void {
  const shape = ['batch_size', config.kvHeads, 'total_sequence_length', config.headDim] as const
  for (const [i, { key, value }] of present.entries()) {
    graph.output(key, `present.${i}.key`, 'float32', shape)
    graph.output(value, `present.${i}.value`, 'float32', shape)
  }
}
