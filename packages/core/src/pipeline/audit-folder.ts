import { auditOf } from '../audit/audit.ts'
import { documentWeights } from '../audit/document-weights.ts'
import type { Audit, WeightFacts } from '../audit/audit-types.ts'
import type { Host } from '../base/host.ts'
import type { OnnxFolderModel } from '../convert/read-model.ts'
import { liftOnnx } from '../convert/lift-onnx.ts'
import type { GraphFacts } from '../formats/onnx/shapes/graph-facts.ts'
import { graphFacts } from '../formats/onnx/shapes/graph-facts.ts'
import type { OnnxDocument } from '../formats/onnx/document.ts'
import { BITS } from '../tensor/dtype.ts'
import { elementsOf } from '../tensor/weight.ts'
import { withOnnxGraph } from './onnx-graph.ts'

/**
 * Says what is in a folder of ONNX graphs: every stored tensor of each session, which is the
 * component here. A tensor that two graphs share is counted where it comes first.
 */
export async function auditFolder(
  host: Pick<Host, 'open' | 'within'>,
  model: OnnxFolderModel,
): Promise<Audit> {
  const folder = host.within(model.path, 'onnx')
  const weights: WeightFacts[] = []
  const seen = new Set<string>()
  const graphs: Record<string, GraphFacts> = {}
  const files = new Set<string>()
  for (const [session, path] of Object.entries(model.sessions.graphs)) {
    await withOnnxGraph(host, path, folder, (document, external) => {
      graphs[session] = graphFacts(document.model)
      // Only graphs that read the same data file share tensors, whatever their names.
      const isShared = external.some((file) => files.has(file))
      for (const file of external) files.add(file)
      for (const [name, facts] of storedTensors(document, session)) {
        if (!isShared || !seen.has(name)) weights.push(facts)
        seen.add(name)
      }
    })
  }
  return auditOf({
    format: 'transformers-js',
    model: model.path,
    bytes: model.bytes,
    weights,
    findings: model.findings,
    graphs,
  })
}

/** Facts of every float of a graph, and of the larger tensors of other dtypes, by name. */
function storedTensors(document: OnnxDocument, session: string): ReadonlyMap<string, WeightFacts> {
  const floats = documentWeights(liftOnnx(document, session))
  const facts = new Map(floats.map((float) => [float.layer.slice(session.length + 1), float]))
  for (const [name, { dtype, shape }] of document.weights) {
    if (facts.has(name)) continue
    const elements = elementsOf(shape)
    facts.set(name, {
      layer: `${session}.${name}`,
      component: session,
      role: 'other',
      dtype,
      shape,
      elements,
      bytes: Math.ceil((elements * BITS[dtype]) / 8),
      outputAxis: null,
      inputAxis: null,
      position: 'inner',
      whyFloat: `it is stored as ${dtype} already`,
      scan: null,
    })
  }
  return facts
}
