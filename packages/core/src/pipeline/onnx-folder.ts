import { auditOf } from '../audit/audit.ts'
import type { Audit, WeightFacts } from '../audit/audit-types.ts'
import { ensure } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import type { OnnxFolderModel } from '../convert/read-model.ts'
import { readOnnxFile } from '../convert/read-onnx-file.ts'
import type { OnnxFileModel } from '../convert/read-onnx-file.ts'
import { opsetLimit } from '../formats/onnx/opset/raise-document.ts'
import type { GraphFacts } from '../formats/onnx/shapes/graph-facts.ts'
import { graphFacts } from '../formats/onnx/shapes/graph-facts.ts'
import type { Plan } from '../plan/plan-types.ts'
import { onnxWeights, planOnnxGraphs } from './onnx-file.ts'
import { packageHint } from './package-hint.ts'
import type { OpsetLimits } from './plan-from-file.ts'
import { planFromFile } from './plan-from-file.ts'
import type { ExternalLayers, SharedLayers, Tables } from './shared-layers.ts'
import { externalLayers, sharedLayers, withSharedLayers } from './shared-layers.ts'

/** A folder of ONNX graphs, looked through: each graph is a component. */
export type AuditedFolder = {
  readonly audit: Audit
  /** The opset beyond which a component's graph cannot go; null for none. */
  readonly limits: OpsetLimits
  /** Layers that lie in the bytes of a layer of an earlier graph. */
  readonly shared: SharedLayers
}

/** Says what is in every graph of a folder, and how far each can be raised. */
export async function auditOnnxFolder(
  host: Pick<Host, 'open' | 'within' | 'pool' | 'emit'>,
  model: OnnxFolderModel,
): Promise<AuditedFolder> {
  const weights: WeightFacts[] = []
  const limits: Record<string, number | null> = {}
  const graphs: Record<string, GraphFacts> = {}
  const external: ExternalLayers[] = []
  for (const [session, path] of Object.entries(model.sessions.graphs)) {
    await withGraph(host, path, async (graph) => {
      const { document } = graph
      weights.push(...(await onnxWeights(host, document, session)))
      limits[session] = opsetLimit(document)
      graphs[session] = graphFacts(document.model)
      external.push(externalLayers(graph, session))
    })
  }
  const { format, path, bytes, findings } = model
  return {
    audit: auditOf({ format, model: path, bytes, weights, findings, graphs }),
    limits,
    shared: sharedLayers(external),
  }
}

/**
 * Decides one plan for all graphs of a folder; int8 where nothing else was asked for.
 *
 * @param tables - `copied`: every graph is to have all its weights
 */
export function planOnnxFolder(
  { audit, limits, shared }: AuditedFolder,
  config: ResolvedConfig,
  tables: Tables = 'shared',
): Plan {
  ensure(
    config.target === 'transformers-js' || config.origins['target'] === 'default',
    'unsupported-target',
    `A folder of ONNX graphs becomes a folder for transformers.js: leave --target out, not ${config.target}.${packageHint(config.target)}`,
    { target: config.target },
  )
  ensure(
    audit.weights.some(({ outputAxis }) => outputAxis !== null),
    'unsupported-model',
    `"${audit.model}" has no float weights that can be quantized: its graphs may be quantized already. ` +
      'Give the folder that it was made from.',
    { path: audit.model },
  )
  const plan = planOnnxGraphs(audit, config, 'transformers-js', limits)
  return withSharedLayers(plan, shared, tables)
}

/** Puts the plan of a file, perhaps edited, on a folder of ONNX graphs. */
export async function readOnnxFolderPlan(
  host: Pick<Host, 'open'>,
  { audit, limits, shared }: AuditedFolder,
  planFile: string,
  tables: Tables = 'shared',
): Promise<Plan> {
  const plan = await planFromFile(host, audit, planFile, limits)
  return withSharedLayers(plan, shared, tables)
}

/** Opens a graph for as long as it is used. */
export async function withGraph<Result>(
  host: Pick<Host, 'open' | 'within'>,
  path: string,
  use: (graph: OnnxFileModel) => Promise<Result>,
): Promise<Result> {
  const graph = await readOnnxFile(host, path)
  try {
    return await use(graph)
  } finally {
    await graph.close()
  }
}
