import type { WeightFacts } from '../audit/audit-types.ts'
import { scaleAlgorithm } from '../algorithms/algorithms.ts'
import { MixbitError } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import type { Form } from '../formats/onnx/form-types.ts'
import { formFor } from '../formats/onnx/forms.ts'
import type { LayerPlan } from '../plan/plan-types.ts'
import { columnsOf, elementsOf } from '../tensor/weight.ts'
import type { WrittenFile } from './data-sink.ts'
import type { ChunkTarget } from './encode-chunk.ts'
import type { PlacedParts, WeightJob } from './item-writer.ts'
import type { LayerErrors, LayerTotals } from './layer-totals.ts'
import { layerErrors } from './layer-totals.ts'
import type { SessionSource } from './session-source.ts'
import { writeSession } from './session-writer.ts'

/** A session to write: what it is made of and the file name (without `.onnx`). */
export type SessionTarget = { readonly source: SessionSource; readonly fileName: string }

export type QuantizeRequest = {
  readonly sessions: readonly SessionTarget[]
  readonly layers: readonly LayerPlan[]
  /** Facts with scans, for histograms; may be empty. */
  readonly facts: readonly WeightFacts[]
  /** Mean square of each input channel's activation, by layer. */
  readonly importance: ReadonlyMap<string, Float32Array>
  /** Folder for the graphs and their data. */
  readonly folder: string
  /** What is being done, for progress. */
  readonly stage: string
  /**
   * `copied`: every session holds all its weights, also a table that another one has, and looks
   * rows up with operators that browsers have.
   */
  readonly tables: 'shared' | 'copied'
  /** Layers whose bytes a file has that was written before; by default none. */
  readonly elsewhere?: ReadonlyMap<string, PlacedParts>
  /** `all`: each session is one file without external data. */
  readonly inline?: 'small' | 'all'
}

/** What was written of one layer. */
export type QuantizedLayer = { readonly plan: LayerPlan; readonly totals: LayerErrors }

export type QuantizeResult = {
  readonly files: readonly { readonly session: string; readonly file: WrittenFile }[]
  readonly layers: readonly QuantizedLayer[]
  /** Layers that were stored once more, because a session may not read another's data. */
  readonly copies: readonly LayerPlan[]
  /** Where the bytes of each layer lie. */
  readonly placed: ReadonlyMap<string, PlacedParts>
}

/** Writes every session with its weights in their planned forms. */
export async function quantize(
  host: Pick<Host, 'create' | 'pool' | 'sha256' | 'within' | 'emit'>,
  request: QuantizeRequest,
): Promise<QuantizeResult> {
  const plans = new Map(request.layers.map((layer) => [layer.layer, layer]))
  const scans = new Map(request.facts.map((fact) => [fact.layer, fact.scan]))
  const jobFor = (layer: string): WeightJob =>
    weightJob(planOf(plans, layer), scans.get(layer) ?? null, request.importance.get(layer) ?? null)
  const placed = new Map(request.elsewhere)
  const totals = new Map<string, LayerTotals>()
  const files: { session: string; file: WrittenFile }[] = []
  const copies: LayerPlan[] = []
  for (const { source, fileName } of request.sessions) {
    const shared = request.tables === 'shared' ? placed : new Map<string, PlacedParts>()
    const result = await writeSession(host, {
      source,
      folder: request.folder,
      name: fileName,
      stage: request.stage,
      jobFor,
      shared,
      lookup: request.tables === 'shared' ? 'kernel' : 'standard',
      inline: request.inline ?? 'small',
    })
    for (const [layer, places] of result.placed) if (!placed.has(layer)) placed.set(layer, places)
    for (const [layer, sums] of result.totals) {
      if (!totals.has(layer)) totals.set(layer, sums)
      else if (request.tables === 'copied') copies.push(planOf(plans, layer))
    }
    files.push(...result.files.map((file) => ({ session: source.name, file })))
  }
  const layers = request.layers.flatMap((plan) => {
    const sums = totals.get(plan.layer)
    return sums === undefined ? [] : [{ plan, totals: layerErrors(sums) }]
  })
  return { files, layers, copies, placed }
}

function planOf(plans: ReadonlyMap<string, LayerPlan>, layer: string): LayerPlan {
  const plan = plans.get(layer)
  if (plan !== undefined) return plan
  throw new MixbitError(
    'invalid-plan',
    `The plan says nothing about "${layer}". Make a new plan for this model with \`mixbit plan\`.`,
    { layer },
  )
}

function weightJob(
  plan: LayerPlan,
  scan: WeightFacts['scan'],
  importance: Float32Array | null,
): WeightJob {
  const form = formFor(plan)
  return {
    form,
    target: chunkTarget(form, plan, importance),
    histogramRange: scan === null ? null : { min: scan.min, max: scan.max },
  }
}

function chunkTarget(form: Form, plan: LayerPlan, importance: Float32Array | null): ChunkTarget {
  if (form.kind === 'float') return { kind: 'float', dtype: form.dtype }
  return {
    kind: 'affine',
    scheme: form.scheme,
    algorithm: scaleAlgorithm(plan.layer, plan.algorithm),
    blockLength: form.blockLength,
    packing: form.packing,
    decodeDtype: form.decodeDtype,
    importance: importance === null ? null : columnImportance(importance, plan.shape),
  }
}

/**
 * One importance a column of the weight seen as a matrix: each input channel's, repeated over the
 * kernel. A depthwise filter has one input channel of its own, so its columns weigh alike: null.
 */
function columnImportance(importance: Float32Array, shape: readonly number[]): Float32Array | null {
  const columns = columnsOf(shape)
  const kernel = elementsOf(shape.slice(2))
  if (importance.length * kernel !== columns) return null
  if (kernel === 1) return importance
  return Float32Array.from({ length: columns }, (_, at) => importance[Math.floor(at / kernel)] ?? 0)
}
