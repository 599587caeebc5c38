import type { Host } from '../base/host.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import { layerPrecision } from '../config/patterns.ts'
import type { OnnxFileModel } from '../convert/read-onnx-file.ts'
import type { DynamicNode } from '../formats/onnx/qdq/apply-dynamic.ts'
import { applyDynamic } from '../formats/onnx/qdq/apply-dynamic.ts'
import { applyDynamicRecurrent, isDynamicRecurrent } from '../formats/onnx/qdq/dynamic-recurrent.ts'
import type { EditableDocument } from '../formats/onnx/qdq/editable.ts'
import { graphView } from '../formats/onnx/qdq/graph-view.ts'
import { normalize } from '../formats/onnx/qdq/normalize.ts'
import type { WeightedNode } from '../formats/onnx/qdq/weighted-node.ts'
import { weightedNode } from '../formats/onnx/qdq/weighted-node.ts'
import type { NodeProto } from '../formats/onnx/generated/onnx_pb.ts'
import { labelOf } from '../formats/onnx/opset/node-edit.ts'
import type { OperatorPlan, Plan } from '../plan/plan-types.ts'
import type { RuntimeProfile } from '../targets/integer-kernels.ts'
import { INTEGER_PROFILES } from '../targets/integer-kernels.ts'
import type { IntegerFile } from './integer-file.ts'
import {
  activationsOf,
  keptFloat,
  noIntegersFinding,
  plannedFloats,
  writeIntegerFile,
} from './integer-file.ts'

export type DynamicFileRequest = {
  readonly model: OnnxFileModel
  readonly config: ResolvedConfig
  readonly runtime: RuntimeProfile
  /** A plan of dynamic quantization that is followed; null decides by the configuration. */
  readonly plan: Plan | null
  /** An existing folder, and the file name without `.onnx`; null only plans. */
  readonly place: { readonly folder: string; readonly name: string } | null
}

/**
 * Dynamic quantization of one ONNX file: weights as int8, and activations of MatMul, Gemm and LSTM
 * quantized when the model runs. Convolutions get 8-bit weights only, unless a `--layer` asks for more:
 * ONNX Runtime's ConvInteger is slower than its float kernel.
 */
export async function quantizeDynamicFile(
  host: Host,
  { model, config, runtime: asked, plan, place }: DynamicFileRequest,
): Promise<IntegerFile> {
  const document = await normalize(model.document)
  const runtime = plan?.runtime ?? asked
  const chosen = chooseDynamic(document, exclusionOf(config, plan))
  const { nodes, recurrent, operators, keep } = chosen
  const hasIntegers = nodes.length + recurrent.length > 0
  const codes = INTEGER_PROFILES[runtime].weights
  return writeIntegerFile(host, {
    model,
    config,
    document,
    keep,
    apply: async () => [
      ...(await applyDynamic(document, nodes, codes)),
      ...(await applyDynamicRecurrent(document, recurrent, codes)),
    ],
    findings: hasIntegers ? [] : [noIntegersFinding('MatMul, Gemm or LSTM')],
    sections: { operators, runtime },
    given: plan,
    place,
  })
}

type Chosen = {
  readonly nodes: readonly DynamicNode[]
  readonly recurrent: readonly NodeProto[]
  readonly operators: readonly OperatorPlan[]
  readonly keep: readonly string[]
}

/** Why a node stays float; null where it does not. */
type Exclusion = (
  node: NodeProto,
  weight: string,
  kind: WeightedNode['kind'] | 'lstm',
) => string | null

/** What configuration or plan keep float; a plan decides alone. */
function exclusionOf(config: ResolvedConfig, plan: Plan | null): Exclusion {
  const floats = plannedFloats(plan)
  return (node, weight, kind) => {
    if (plan !== null) return floats.get(labelOf(node)) ?? null
    return keptFloat(config, weight, 'dynamic') ?? slowConvolution(config, weight, kind)
  }
}

function chooseDynamic({ graph }: EditableDocument, exclusion: Exclusion): Chosen {
  const view = graphView(graph)
  const nodes: DynamicNode[] = []
  const recurrent: NodeProto[] = []
  const operators: OperatorPlan[] = []
  const keep: string[] = []
  const note = (node: NodeProto, runs: OperatorPlan['runs'], reason: string): void => {
    operators.push({ node: labelOf(node), op: node.opType, runs, reason })
  }
  for (const node of graph.node) {
    if (isDynamicRecurrent(view, node)) {
      const reason = exclusion(node, node.input[1] ?? '', 'lstm')
      note(node, reason === null ? 'integer' : 'float', reason ?? 'DynamicQuantizeLSTM runs it')
      if (reason === null) recurrent.push(node)
      continue
    }
    const weighted = weightedNode(view, node)
    if (weighted === null) continue
    if ('reason' in weighted) {
      if (weighted.weight !== undefined) keep.push(weighted.weight)
      note(node, 'float', weighted.reason)
      continue
    }
    const reason = exclusion(node, weighted.weight, weighted.kind)
    note(
      node,
      reason === null ? 'integer' : 'float',
      reason ?? 'its activation is quantized when it runs',
    )
    if (reason === null) nodes.push({ node, weighted })
  }
  return { nodes, recurrent, operators, keep }
}

function slowConvolution(
  { layers }: ResolvedConfig,
  weight: string,
  kind: WeightedNode['kind'] | 'lstm',
): string | null {
  if (kind !== 'conv') return null
  const asked = layerPrecision(layers, `model.${weight}`)
  if (asked !== undefined && activationsOf(asked) === 'dynamic') return null
  return 'ConvInteger is slower than the float kernel; --layer asks for it'
}
