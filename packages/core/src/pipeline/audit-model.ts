import { auditOf } from '../audit/audit.ts'
import type { Audit } from '../audit/audit-types.ts'
import { scanWeights } from '../audit/scan.ts'
import { weightFacts } from '../audit/weights.ts'
import type { Host } from '../base/host.ts'
import type { CheckpointModel } from '../convert/read-model.ts'

/** Says what is in a checkpoint: components, roles, and (by one pass over all values) ranges. */
export async function auditModel(
  host: Pick<Host, 'pool' | 'emit'>,
  model: CheckpointModel,
): Promise<Audit> {
  const facts = weightFacts(model.graphs)
  return auditOf({
    format: model.format,
    model: model.path,
    bytes: model.bytes,
    weights: await scanWeights(host, model.graphs, facts),
    findings: model.findings,
  })
}
