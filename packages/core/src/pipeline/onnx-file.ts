import { auditOf } from '../audit/audit.ts'
import type { Audit, WeightFacts } from '../audit/audit-types.ts'
import { scanWeights } from '../audit/scan.ts'
import { documentWeights } from '../audit/document-weights.ts'
import { MixbitError } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import { liftOnnx } from '../convert/lift-onnx.ts'
import type { OnnxFileModel } from '../convert/read-onnx-file.ts'
import { folderOf } from '../convert/read-onnx-file.ts'
import type { OnnxDocument } from '../formats/onnx/document.ts'
import { graphFacts } from '../formats/onnx/shapes/graph-facts.ts'
import { opsetForForms } from '../formats/onnx/forms.ts'
import { storedBytes } from '../formats/part-bytes.ts'
import { opsetLimit, raiseDocument } from '../formats/onnx/opset/raise-document.ts'
import type { LayerPlan, Plan } from '../plan/plan-types.ts'
import { makePlan } from '../plan/plan.ts'
import type { QuantizeResult } from '../quantize/quantize.ts'
import { quantize } from '../quantize/quantize.ts'
import type { SessionSource } from '../quantize/session-source.ts'
import { documentSource } from '../quantize/session-source.ts'
import type { OpsetLimits } from './plan-from-file.ts'
import { knownLimits, planFromFile } from './plan-from-file.ts'
import { askedPrecisions, refusePreset } from './asked-precisions.ts'
import { packageHint } from './package-hint.ts'
import { planRequest } from './plan-request.ts'

/** A single file is one component. */
const COMPONENT = 'model'

/** Up to this size a model that came as one file leaves as one file: it is held in memory once. */
const LARGEST_SINGLE_FILE = 512_000_000

/** Says what is in an ONNX file. */
export async function auditOnnxFile(
  host: Pick<Host, 'pool' | 'emit'>,
  model: OnnxFileModel,
): Promise<Audit> {
  return auditOf({
    format: model.format,
    model: model.path,
    bytes: model.bytes,
    weights: await onnxWeights(host, model.document, COMPONENT),
    findings: model.findings,
    graphs: { [COMPONENT]: graphFacts(model.document.model) },
  })
}

/** Facts of every float weight of a document, from one pass over its values. */
export async function onnxWeights(
  host: Pick<Host, 'pool' | 'emit'>,
  document: OnnxDocument,
  component: string,
): Promise<readonly WeightFacts[]> {
  const lifted = liftOnnx(document, component)
  return scanWeights(host, [lifted.graph], documentWeights(lifted))
}

/** Decides the plan of an ONNX file; int8 where nothing else was asked for. */
export function planOnnxFile(model: OnnxFileModel, audit: Audit, config: ResolvedConfig): Plan {
  refuseOtherTarget(config)
  return planOnnxGraphs(audit, config, 'onnx', { [COMPONENT]: opsetLimit(model.document) })
}

/** Puts the plan of a file, perhaps edited, on an ONNX file. */
export function readOnnxFilePlan(
  host: Pick<Host, 'open'>,
  model: OnnxFileModel,
  audit: Audit,
  planFile: string,
): Promise<Plan> {
  return planFromFile(host, audit, planFile, { [COMPONENT]: opsetLimit(model.document) })
}

/**
 * Decides the plan of ONNX graphs; int8 where nothing else was asked for.
 *
 * @param limits - the opset beyond which the graph of a component cannot go; null for none
 */
export function planOnnxGraphs(
  audit: Audit,
  config: ResolvedConfig,
  target: 'onnx' | 'transformers-js',
  limits: OpsetLimits,
): Plan {
  refusePreset(config, 'ONNX graphs')
  return makePlan(audit.weights, {
    ...planRequest(config, audit, null),
    target,
    preset: null,
    ...askedPrecisions(config),
    floats: 'as-stored',
    opsetLimit: knownLimits(limits),
  })
}

function refuseOtherTarget({ target, origins }: ResolvedConfig): void {
  if (target === 'onnx' || origins['target'] === 'default') return
  throw new MixbitError(
    'unsupported-target',
    `An ONNX file becomes an ONNX file: leave --target out, or use --target onnx, not ${target}.${packageHint(target)}`,
    { target },
  )
}

export type QuantizeOnnxRequest = {
  readonly model: OnnxFileModel
  readonly audit: Audit
  readonly plan: Plan
  /** An existing folder, and the file name without `.onnx`. */
  readonly folder: string
  readonly name: string
}

export type WrittenOnnx = {
  readonly result: QuantizeResult
  /** Bytes of the file and its external data. */
  readonly bytes: number
}

/**
 * Writes the planned ONNX file: only what the plan changes is touched, and the opset is raised only
 * as far as the forms need.
 */
export async function quantizeOnnxFile(
  host: Pick<Host, 'create' | 'pool' | 'sha256' | 'within' | 'emit'>,
  { model, audit, plan, folder, name }: QuantizeOnnxRequest,
): Promise<WrittenOnnx> {
  const isSmall = !model.hasExternalData && storedBytes(plan.layers) <= LARGEST_SINGLE_FILE
  const result = await quantize(host, {
    stage: 'quantize',
    sessions: [
      { source: onnxSource(model.document, COMPONENT, plan.layers, audit.weights), fileName: name },
    ],
    layers: plan.layers,
    facts: audit.weights,
    importance: new Map(),
    folder,
    tables: 'shared',
    inline: isSmall ? 'all' : 'small',
  })
  return { result, bytes: result.files.reduce((sum, { file }) => sum + file.bytes, 0) }
}

/** What a graph is written from: at the oldest opset that its changed layers can have. */
export function onnxSource(
  document: OnnxDocument,
  component: string,
  layers: readonly LayerPlan[],
  weights: readonly WeightFacts[],
): SessionSource {
  const facts = new Map(weights.map((weight) => [weight.layer, weight]))
  const changed = layers.filter((layer) => isChanged(layer, facts.get(layer.layer)))
  return documentSource(
    raiseDocument(document, opsetForForms(changed)),
    component,
    new Set(changed.map(({ layer }) => layer)),
  )
}

/** Whether a layer is stored otherwise than in the file. */
function isChanged({ scheme }: LayerPlan, facts: WeightFacts | undefined): boolean {
  return scheme.kind !== 'float' || scheme.dtype !== facts?.dtype
}

/** The folder and name of an output file. */
export function outputPlace(path: string): { readonly folder: string; readonly name: string } {
  const file = path.replace(/^.*[/\\]/u, '')
  return { folder: folderOf(path), name: file.replace(/\.onnx$/u, '') }
}
