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
import { formFor, storedBytes } from '../formats/onnx/forms.ts'
import { raiseOpset } from '../formats/onnx/opset/raise-opset.ts'
import type { LayerPlan, Plan } from '../plan/plan-types.ts'
import { makePlan } from '../plan/plan.ts'
import type { QuantizeResult } from '../quantize/quantize.ts'
import { quantize } from '../quantize/quantize.ts'
import type { SessionSource } from '../quantize/session-source.ts'
import { documentSource } from '../quantize/session-source.ts'
import { opsetForDequantize } from '../targets/onnx-opsets.ts'
import { planRequest } from './plan-request.ts'

/** A single file is one component. */
const COMPONENT = 'model'

/** Has DequantizeLinear with blocks and 4 bits. */
const NEWEST_NEEDED = 21

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

/**
 * Decides the plan of ONNX graphs; int8 where nothing else was asked for.
 *
 * @param limits - the opset beyond which the graph of a component cannot go; null for none
 */
export function planOnnxGraphs(
  audit: Audit,
  config: ResolvedConfig,
  target: 'onnx' | 'transformers-js',
  limits: Readonly<Record<string, number | null>>,
): Plan {
  refusePreset(config)
  const isAsked = config.precision !== null || config.layers.length > 0
  const own = Object.entries(config.components).filter(
    ([name]) => config.origins[`components.${name}`] !== 'preset',
  )
  const known = Object.entries(limits).flatMap(([name, limit]) =>
    limit === null ? [] : [[name, limit] as const],
  )
  return makePlan(audit.weights, {
    ...planRequest(config, audit, null),
    target,
    preset: null,
    precision: config.precision ?? (isAsked || own.length > 0 ? null : 'int8'),
    components: Object.fromEntries(own),
    floats: 'as-stored',
    opsetLimit: Object.fromEntries(known),
  })
}

/** A preset names the components of a vision-language model, which graphs do not have. */
function refusePreset({ preset, origins }: ResolvedConfig): void {
  if (preset === null || origins['preset'] === 'default') return
  throw new MixbitError(
    'usage',
    `The preset "${preset}" is for checkpoints; ONNX graphs take --precision, --component or --layer.`,
    { preset },
  )
}

function refuseOtherTarget({ target, origins }: ResolvedConfig): void {
  if (target === 'onnx' || origins['target'] === 'default') return
  throw new MixbitError(
    'unsupported-target',
    `An ONNX file becomes an ONNX file: leave --target out, or use --target onnx, not ${target}.`,
    { target },
  )
}

function opsetOf(document: OnnxDocument): number {
  const opset = document.model.opsetImport.find(
    ({ domain }) => domain === '' || domain === 'ai.onnx',
  )
  return Number(opset?.version ?? 0n)
}

/** The opset beyond which the model cannot go; null when it can have what plans may need. */
export function opsetLimit(document: OnnxDocument): number | null {
  const opset = opsetOf(document)
  if (opset >= NEWEST_NEEDED) return null
  return 'blockedBy' in raiseOpset(document.model, NEWEST_NEEDED) ? opset : null
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
    raised(document, changed),
    component,
    new Set(changed.map(({ layer }) => layer)),
  )
}

/** Whether a layer is stored otherwise than in the file. */
function isChanged({ scheme }: LayerPlan, facts: WeightFacts | undefined): boolean {
  return scheme.kind !== 'float' || scheme.dtype !== facts?.dtype
}

/** The document at the oldest opset that all changed layers can have. */
function raised(document: OnnxDocument, changed: readonly LayerPlan[]): OnnxDocument {
  const needed = Math.max(0, ...changed.map(neededOpset))
  if (needed <= opsetOf(document)) return document
  const result = raiseOpset(document.model, needed)
  if ('model' in result) return { ...document, model: result.model }
  const [first] = result.blockedBy
  throw new MixbitError(
    'unsupported-scheme',
    `The plan needs opset ${needed}, but ${first?.op ?? 'a node'} "${first?.node ?? ''}" cannot be raised: ${first?.reason ?? ''}. Plan again with \`mixbit plan\`, which keeps to what the model can have.`,
    { opset: needed, node: first?.node ?? '' },
  )
}

function neededOpset(layer: LayerPlan): number {
  const form = formFor(layer)
  if (form.kind !== 'affine' || form.name !== 'DequantizeLinear') return 0
  return opsetForDequantize(form.scheme)
}

/** The folder and name of an output file. */
export function outputPlace(path: string): { readonly folder: string; readonly name: string } {
  const file = path.replace(/^.*[/\\]/u, '')
  return { folder: folderOf(path), name: file.replace(/\.onnx$/u, '') }
}
