import { auditOf } from '../audit/audit.ts'
import type { Audit, WeightFacts } from '../audit/audit-types.ts'
import type { Host } from '../base/host.ts'
import type { OnnxFolderModel } from '../convert/read-model.ts'
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
  for (const [session, path] of Object.entries(model.sessions.graphs)) {
    await withOnnxGraph(host, path, folder, (document) => {
      for (const [name, { dtype, shape }] of document.weights) {
        if (seen.has(name)) continue
        seen.add(name)
        const elements = elementsOf(shape)
        weights.push({
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
          scan: null,
        })
      }
    })
  }
  return auditOf({
    format: 'transformers-js',
    model: model.path,
    bytes: model.bytes,
    weights,
    findings: model.findings,
  })
}
