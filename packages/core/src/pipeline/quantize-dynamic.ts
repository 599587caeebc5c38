import type { Host } from '../base/host.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import { layerPrecision } from '../config/patterns.ts'
import type { OnnxFileModel } from '../convert/read-onnx-file.ts'
import type { CodeRange } from '../kernels/kernels.ts'
import type { IntegerTensor } from '../formats/onnx/qdq/apply-static.ts'
import type { DynamicNode } from '../formats/onnx/qdq/apply-dynamic.ts'
import { applyDynamic } from '../formats/onnx/qdq/apply-dynamic.ts'
import { applyDynamicRecurrent, isDynamicRecurrent } from '../formats/onnx/qdq/dynamic-recurrent.ts'
import type { EditableDocument } from '../formats/onnx/qdq/editable.ts'
import { graphView } from '../formats/onnx/qdq/graph-view.ts'
import type { NestedBody } from '../formats/onnx/qdq/nested-bodies.ts'
import { nestedBodies, settleBody } from '../formats/onnx/qdq/nested-bodies.ts'
import { liftConstants, normalize } from '../formats/onnx/qdq/normalize.ts'
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
 * quantized when the model runs, also in bodies of If, Loop and Scan. Convolutions get 8-bit weights only,
 * unless a `--layer` asks for more: ONNX Runtime's ConvInteger is slower than its float kernel.
 */
export async function quantizeDynamicFile(
  host: Host,
  { model, config, runtime: asked, plan, place }: DynamicFileRequest,
): Promise<IntegerFile> {
  const document = await normalize(model.document)
  const runtime = plan?.runtime ?? asked
  const exclusion = exclusionOf(config, plan)
  const main: NestedBody = { document, path: '', outer: new Set() }
  const bodies = [main, ...nestedBodies(document)]
  for (const body of bodies) liftConstants(body.document)
  const chosen = bodies.map((body) => chooseDynamic(body, exclusion))
  const hasIntegers = chosen.some(({ nodes, recurrent }) => nodes.length + recurrent.length > 0)
  const codes = INTEGER_PROFILES[runtime].weights
  return writeIntegerFile(host, {
    model,
    config,
    document,
    keep: chosen.flatMap(({ keep }) => keep),
    apply: async () => {
      const stored: IntegerTensor[] = []
      for (const each of chosen) stored.push(...(await applyBody(each, document, codes)))
      return stored
    },
    nested: [],
    findings: hasIntegers ? [] : [noIntegersFinding('MatMul, Gemm or LSTM')],
    sections: { operators: chosen.flatMap(({ operators }) => operators), runtime },
    given: plan,
    place,
  })
}

/** What runs on integers in one graph, and what does not. */
type Chosen = {
  readonly body: NestedBody
  readonly nodes: readonly DynamicNode[]
  readonly recurrent: readonly NodeProto[]
  readonly operators: readonly OperatorPlan[]
  readonly keep: readonly string[]
}

/** Puts the integers of one graph in; names of what was stored are those of the plan. */
async function applyBody(
  { body, nodes, recurrent }: Chosen,
  document: EditableDocument,
  codes: CodeRange,
): Promise<readonly IntegerTensor[]> {
  const stored = [
    ...(await applyDynamic(body.document, nodes, codes)),
    ...(await applyDynamicRecurrent(body.document, recurrent, codes)),
  ]
  if (body.path === '') return stored
  await settleBody(body, document)
  return stored.map((tensor) => ({ ...tensor, source: within(body, tensor.source) }))
}

/** What a weighted node is: its kernel decides whether integers pay. */
type Kind = WeightedNode['kind'] | 'lstm'

/** Why a node stays float; null where it does not. Names are those of the plan. */
type Exclusion = (label: string, weight: string, kind: Kind) => string | null

/** What configuration or plan keep float; a plan decides alone. */
function exclusionOf(config: ResolvedConfig, plan: Plan | null): Exclusion {
  const floats = plannedFloats(plan)
  return (label, weight, kind) => {
    if (plan !== null) return floats.get(label) ?? null
    return keptFloat(config, weight, 'dynamic') ?? slowConvolution(config, weight, kind)
  }
}

/** The name of something in a body, as plans have it. */
function within({ path }: NestedBody, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

function chooseDynamic(body: NestedBody, exclusion: Exclusion): Chosen {
  const view = graphView(body.document.graph)
  const nodes: DynamicNode[] = []
  const recurrent: NodeProto[] = []
  const operators: OperatorPlan[] = []
  const keep: string[] = []
  const decide = (node: NodeProto, weight: string, kind: Kind, how: string): boolean => {
    const label = within(body, labelOf(node))
    const reason = exclusion(label, within(body, weight), kind)
    const runs = reason === null ? 'integer' : 'float'
    operators.push({ node: label, op: node.opType, runs, reason: reason ?? how })
    return reason === null
  }
  for (const node of body.document.graph.node) {
    if (isDynamicRecurrent(view, node)) {
      if (decide(node, node.input[1] ?? '', 'lstm', 'DynamicQuantizeLSTM runs it'))
        recurrent.push(node)
      continue
    }
    const weighted = weightedNode(view, node)
    if (weighted === null) continue
    if (!('reason' in weighted)) {
      const how = 'its activation is quantized when it runs'
      if (decide(node, weighted.weight, weighted.kind, how)) nodes.push({ node, weighted })
      continue
    }
    if (weighted.weight !== undefined) keep.push(within(body, weighted.weight))
    const isOuter = node.input.some((input) => body.outer.has(input))
    const reason = isOuter ? 'its weight belongs to the graph around it' : weighted.reason
    operators.push({ node: within(body, labelOf(node)), op: node.opType, runs: 'float', reason })
  }
  return { body, nodes, recurrent, operators, keep }
}

function slowConvolution({ layers }: ResolvedConfig, weight: string, kind: Kind): string | null {
  if (kind !== 'conv') return null
  const asked = layerPrecision(layers, `model.${weight}`)
  if (asked !== undefined && activationsOf(asked) === 'dynamic') return null
  return 'ConvInteger is slower than the float kernel; --layer asks for it'
}
