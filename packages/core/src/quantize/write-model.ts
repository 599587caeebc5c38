import type { WeightFacts } from '../audit/audit-types.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { CheckpointModel } from '../convert/read-model.ts'
import { opsetForForms } from '../formats/onnx/forms.ts'
import { storedBytes } from '../formats/part-bytes.ts'
import {
  sessionFileName,
  withTransformersJsConfig,
} from '../formats/transformers-js/config-files.ts'
import type { Manifest, ManifestComponent } from '../formats/transformers-js/manifest.ts'
import type { DtypeName, SessionName } from '../formats/transformers-js/sessions.ts'
import { SESSION_NAMES, dtypeName } from '../formats/transformers-js/sessions.ts'
import type { Graph } from '../graph/graph.ts'
import type { LayerPlan, Plan } from '../plan/plan-types.ts'
import { mainPrecision } from '../scheme/main-precision.ts'
import { elementsOf } from '../tensor/weight.ts'
import { writeJson } from './data-sink.ts'
import type { QuantizeResult } from './quantize.ts'
import { quantize } from './quantize.ts'
import { graphSource } from './session-source.ts'
import { writeSupportFiles } from './support-files.ts'

export type WriteHost = Pick<
  Host,
  'open' | 'create' | 'list' | 'pool' | 'sha256' | 'within' | 'emit'
>

export type WriteRequest = {
  readonly model: CheckpointModel
  readonly plan: Plan
  readonly facts: readonly WeightFacts[]
  readonly importance: ReadonlyMap<string, Float32Array>
  /** An existing, empty folder. */
  readonly folder: string
  readonly tables: 'shared' | 'copied'
  /** The message around a question, for whoever runs the package. */
  readonly prompt: string
}

export type WrittenModel = {
  /** As written: with the forms and findings of what was chosen while writing. */
  readonly plan: Plan
  readonly manifest: Manifest
  /** Bytes of graphs and external data. */
  readonly bytes: number
  readonly result: QuantizeResult
  readonly findings: readonly Finding[]
}

/**
 * Writes a model folder for transformers.js: graphs with their data under `onnx/`, config.json that
 * names the variants, tokenizer and processor files as they were, `plan.json`, `mixbit.json`.
 */
export async function writeModel(host: WriteHost, request: WriteRequest): Promise<WrittenModel> {
  const { model, folder } = request
  const plan = writtenPlan(request)
  const dtypes = sessionDtypes(model.graphs, plan)
  const sessions = model.graphs.map((graph) => {
    const name = sessionOf(graph)
    const opset = opsetForForms(layersOf(graph, plan))
    return { source: graphSource(graph, opset), fileName: sessionFileName(name, dtypes[name]) }
  })
  const result = await quantize(host, {
    stage: 'quantize',
    sessions,
    layers: plan.layers,
    facts: request.facts,
    importance: request.importance,
    folder: host.within(folder, 'onnx'),
    tables: request.tables,
  })
  const manifest = manifestOf(request, result, dtypes)
  await writeSupportFiles(host, model, folder)
  const external = result.files
    .map(({ file }) => baseName(file.path))
    .filter((name) => name.endsWith('_data'))
    .map((name) => name.slice(0, -'_data'.length))
  const config = withTransformersJsConfig(model.config, dtypes, external)
  await writeJson(host, host.within(folder, 'config.json'), config)
  await writeJson(host, host.within(folder, 'plan.json'), plan)
  await writeJson(host, host.within(folder, 'mixbit.json'), manifest)
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
  return { plan, manifest, bytes, result, findings: copyFindings(result) }
}

/**
 * The plan with the forms that are written: a copied table is looked up with standard operators, and
 * is not shared.
 */
function writtenPlan({ plan, tables }: WriteRequest): Plan {
  if (tables === 'shared') return plan
  const layers = plan.layers.map((layer) => ({
    ...layer,
    form: layer.form.replace('GatherBlockQuantized', 'Gather + Sub + Mul'),
  }))
  const findings = plan.findings.filter(({ code }) => code !== 'table-shared')
  return { ...plan, layers, findings }
}

function sessionOf(graph: Graph): SessionName {
  const name = SESSION_NAMES.find((each) => each === graph.name)
  if (name === undefined) throw new TypeError(`"${graph.name}" is not a session of this target`)
  return name
}

function layersOf({ weights }: Graph, { layers }: Plan): readonly LayerPlan[] {
  const own = new Set([...weights.values()].map(({ layer }) => layer))
  return layers.filter(({ layer }) => own.has(layer))
}

function sessionDtypes(
  graphs: readonly Graph[],
  plan: Plan,
): Readonly<Record<SessionName, DtypeName>> {
  const of = (name: SessionName): DtypeName => {
    const graph = graphs.find((each) => each.name === name)
    return dtypeName(graph === undefined ? [] : layersOf(graph, plan))
  }
  return {
    embed_tokens: of('embed_tokens'),
    vision_encoder: of('vision_encoder'),
    decoder_model_merged: of('decoder_model_merged'),
  }
}

function manifestOf(
  request: WriteRequest,
  result: QuantizeResult,
  dtypes: Readonly<Record<SessionName, DtypeName>>,
): Manifest {
  const graphPath = (name: SessionName): string =>
    `onnx/${sessionFileName(name, dtypes[name])}.onnx`
  return {
    schema: 'mixbit/model@1',
    target: request.plan.target,
    task: 'image-text-to-text',
    prompt: request.prompt,
    sessions: Object.fromEntries(SESSION_NAMES.map((name) => [name, graphPath(name)])),
    components: componentsOf(request, result),
    files: result.files.map(({ file }) => ({
      path: `onnx/${baseName(file.path)}`,
      bytes: file.bytes,
      sha256: file.sha256,
    })),
  }
}

function componentsOf(
  request: WriteRequest,
  result: QuantizeResult,
): Readonly<Record<string, ManifestComponent>> {
  const { layers } = request.plan
  const names = [...new Set(layers.map((layer) => layer.component))]
  return Object.fromEntries(
    names.map((component) => {
      const own = layers.filter((layer) => layer.component === component)
      const copies = result.copies.filter((layer) => layer.component === component)
      const sessions = sessionsOf(request, component)
      const files = result.files.filter(({ session }) => sessions.has(session))
      return [
        component,
        {
          files: files.map(({ file }) => `onnx/${baseName(file.path)}`),
          bytes: storedBytes([...own, ...copies]),
          parameters: own.reduce((sum, layer) => sum + elementsOf(layer.shape), 0),
          precision: mainPrecision(own),
        },
      ]
    }),
  )
}

/** The sessions whose files hold weights of a component; a shared table lies with the first. */
function sessionsOf(
  { model, tables }: Pick<WriteRequest, 'model' | 'tables'>,
  component: string,
): ReadonlySet<string> {
  const sessions = new Set<string>()
  const seen = new Set<string>()
  for (const graph of model.graphs) {
    for (const weight of graph.weights.values()) {
      if (weight.component !== component) continue
      if (tables === 'copied' || !seen.has(weight.layer)) sessions.add(graph.name)
      seen.add(weight.layer)
    }
  }
  return sessions
}

function copyFindings({ copies }: QuantizeResult): readonly Finding[] {
  return copies.map((layer) => ({
    code: 'table-copied',
    severity: 'info',
    subject: layer.layer,
    message:
      `"${layer.layer}" is stored twice, so that every graph has all its data: ` +
      `${storedBytes([layer])} bytes more.`,
  }))
}

function baseName(path: string): string {
  return path.replace(/^.*[/\\]/u, '')
}
