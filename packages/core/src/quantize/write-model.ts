import type { WeightFacts } from '../audit/audit-types.ts'
import type { Host } from '../base/host.ts'
import type { CheckpointModel } from '../convert/read-model.ts'
import {
  SUPPORT_FILES,
  preprocessorConfig,
  processorConfig,
  sessionFileName,
  withTransformersJsConfig,
} from '../formats/transformers-js/config-files.ts'
import type { Manifest, ManifestComponent } from '../formats/transformers-js/manifest.ts'
import type { DtypeName, SessionName } from '../formats/transformers-js/sessions.ts'
import { SESSION_NAMES, dtypeName } from '../formats/transformers-js/sessions.ts'
import type { Graph } from '../graph/graph.ts'
import type { LayerPlan, Plan } from '../plan/plan-types.ts'
import { precisionName } from '../scheme/precision.ts'
import { elementsOf } from '../tensor/weight.ts'
import { writeJson, writeWhole } from './data-sink.ts'
import type { QuantizeResult } from './quantize.ts'
import { quantize } from './quantize.ts'

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
  readonly manifest: Manifest
  /** Bytes of graphs and external data. */
  readonly bytes: number
  readonly result: QuantizeResult
}

/**
 * Writes a model folder for transformers.js: graphs with their data under `onnx/`, config.json that
 * names the variants, tokenizer and processor files as they were, `plan.json`, `mixbit.json`.
 */
export async function writeModel(host: WriteHost, request: WriteRequest): Promise<WrittenModel> {
  const { model, plan, folder } = request
  const dtypes = sessionDtypes(model.graphs, plan)
  const sessions = model.graphs.map((graph) => {
    const name = sessionOf(graph)
    return { graph, fileName: sessionFileName(name, dtypes[name]) }
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
  return { manifest, bytes, result }
}

function sessionOf(graph: Graph): SessionName {
  const name = SESSION_NAMES.find((each) => each === graph.name)
  if (name === undefined) throw new TypeError(`"${graph.name}" is not a session of this target`)
  return name
}

function sessionDtypes(
  graphs: readonly Graph[],
  plan: Plan,
): Readonly<Record<SessionName, DtypeName>> {
  const plans = new Map(plan.layers.map((layer) => [layer.layer, layer]))
  const of = (name: SessionName): DtypeName => {
    const graph = graphs.find((each) => each.name === name)
    const layers = [...(graph?.weights.values() ?? [])].flatMap(({ layer }) => {
      const found = plans.get(layer)
      return found === undefined ? [] : [found]
    })
    return dtypeName(layers)
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
  const names = [...new Set(request.plan.layers.map((layer) => layer.component))]
  return Object.fromEntries(
    names.map((component) => {
      const layers = request.plan.layers.filter((layer) => layer.component === component)
      const sessions = request.model.graphs
        .filter((graph) => [...graph.weights.values()].some((each) => each.component === component))
        .map((graph) => graph.name)
      const files = result.files.filter(({ session }) => sessions.includes(session))
      return [
        component,
        {
          files: files.map(({ file }) => `onnx/${baseName(file.path)}`),
          bytes: layers.reduce((sum, layer) => sum + layerBytes(layer), 0),
          parameters: layers.reduce((sum, layer) => sum + elementsOf(layer.shape), 0),
          precision: mainPrecision(layers),
        },
      ]
    }),
  )
}

/** Stored bytes of a planned layer. */
export function layerBytes(layer: LayerPlan): number {
  return layer.bytes.codes + layer.bytes.scales + layer.bytes.zeroPoints
}

/** The precision that most of a component's values have. */
export function mainPrecision(layers: readonly LayerPlan[]): string {
  const elements = new Map<string, number>()
  for (const layer of layers) {
    const name = precisionName(layer.scheme)
    elements.set(name, (elements.get(name) ?? 0) + elementsOf(layer.shape))
  }
  const [most] = [...elements].toSorted((a, b) => b[1] - a[1])
  return most?.[0] ?? 'fp16'
}

/** Copies what exists and makes the two processor files that some checkpoints leave out. */
async function writeSupportFiles(
  host: WriteHost,
  model: CheckpointModel,
  folder: string,
): Promise<void> {
  const present = (await host.list(model.path)) ?? []
  for (const name of SUPPORT_FILES) {
    if (present.includes(name)) {
      await copyFile(host, host.within(model.path, name), host.within(folder, name))
    }
  }
  const { imageSize, patchSize } = model.facts
  if (!present.includes('preprocessor_config.json')) {
    const path = host.within(folder, 'preprocessor_config.json')
    await writeJson(host, path, preprocessorConfig(imageSize))
  }
  if (!present.includes('processor_config.json')) {
    await writeJson(host, host.within(folder, 'processor_config.json'), processorConfig(patchSize))
  }
}

async function copyFile(
  host: Pick<Host, 'open' | 'create' | 'sha256'>,
  from: string,
  to: string,
): Promise<void> {
  const source = await host.open(from)
  try {
    await writeWhole(host, to, await source.read(0, source.sizeInBytes))
  } finally {
    await source.close()
  }
}

function baseName(path: string): string {
  return path.replace(/^.*[/\\]/u, '')
}
