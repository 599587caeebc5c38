import type { Audit } from '../audit/audit-types.ts'
import type { Host } from '../base/host.ts'
import type { JsonObject } from '../base/json-file.ts'
import { readJsonObject } from '../base/json-file.ts'
import type { OnnxFolderModel } from '../convert/read-model.ts'
import type { OnnxFileModel } from '../convert/read-onnx-file.ts'
import { storedBytes } from '../formats/part-bytes.ts'
import {
  sessionFileName,
  withTransformersJsConfig,
} from '../formats/transformers-js/config-files.ts'
import type { Manifest, ManifestComponent } from '../formats/transformers-js/manifest.ts'
import type { DtypeName } from '../formats/transformers-js/sessions.ts'
import { dtypeName } from '../formats/transformers-js/sessions.ts'
import type { LayerPlan, Plan } from '../plan/plan-types.ts'
import { writeJson } from '../quantize/data-sink.ts'
import type { PlacedParts } from '../quantize/item-writer.ts'
import { quantize } from '../quantize/quantize.ts'
import type { QuantizeResult } from '../quantize/quantize.ts'
import { copyFile } from '../quantize/support-files.ts'
import type { WrittenModel } from '../quantize/write-model.ts'
import { mainPrecision } from '../scheme/main-precision.ts'
import { elementsOf } from '../tensor/weight.ts'
import { onnxSource } from './onnx-file.ts'
import { withGraph } from './onnx-folder.ts'
import type { SharedLayers } from './shared-layers.ts'
import { storedOnce } from './shared-layers.ts'

export type QuantizeFolderRequest = {
  readonly model: OnnxFolderModel
  readonly audit: Audit
  readonly plan: Plan
  /** An existing, empty folder. */
  readonly folder: string
  /** Layers that may be stored once, as the audit found them; none by default. */
  readonly shared?: SharedLayers
}

type FolderHost = Pick<Host, 'open' | 'create' | 'list' | 'pool' | 'sha256' | 'within' | 'emit'>

/**
 * Writes a folder of ONNX graphs in their planned forms, one variant a graph, under names that
 * transformers.js knows; other files of the folder come along as they are.
 */
export async function quantizeOnnxFolder(
  host: FolderHost,
  request: QuantizeFolderRequest,
): Promise<WrittenModel> {
  const { model, plan, folder } = request
  const dtypes: Record<string, DtypeName> = {}
  const results: QuantizeResult[] = []
  const once = storedOnce(plan.layers, request.shared ?? new Map<string, string>())
  const placed = new Map<string, PlacedParts>()
  for (const [session, path] of Object.entries(model.sessions.graphs)) {
    const layers = plan.layers.filter(({ component }) => component === session)
    const dtype = dtypeName(layers)
    dtypes[session] = dtype
    const elsewhere = placesElsewhere(layers, once, placed)
    const result = await withGraph(host, path, (graph) =>
      writeGraph(host, request, { session, layers, graph, dtype, elsewhere }),
    )
    for (const [layer, places] of result.placed) placed.set(layer, places)
    results.push(result)
  }
  const result: QuantizeResult = {
    files: results.flatMap(({ files }) => files),
    layers: results.flatMap(({ layers }) => layers),
    copies: [],
    placed,
  }
  await copyOtherFiles(host, model.path, folder)
  await writeConfig(host, request, result, dtypes)
  const manifest = manifestOf(request, result, dtypes)
  await writeJson(host, host.within(folder, 'plan.json'), plan)
  await writeJson(host, host.within(folder, 'mixbit.json'), manifest)
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
  return { plan, manifest, bytes, result, findings: [] }
}

/** Where the bytes of layers lie that are stored with a layer of a graph before. */
function placesElsewhere(
  layers: readonly LayerPlan[],
  once: SharedLayers,
  placed: ReadonlyMap<string, PlacedParts>,
): ReadonlyMap<string, PlacedParts> {
  return new Map(
    layers.flatMap(({ layer }) => {
      const places = placed.get(once.get(layer) ?? '')
      return places === undefined ? [] : [[layer, places] as const]
    }),
  )
}

type GraphToWrite = {
  readonly session: string
  readonly layers: readonly LayerPlan[]
  readonly graph: OnnxFileModel
  readonly dtype: DtypeName
  readonly elsewhere: ReadonlyMap<string, PlacedParts>
}

function writeGraph(
  host: FolderHost,
  { audit, folder }: QuantizeFolderRequest,
  { session, layers, graph, dtype, elsewhere }: GraphToWrite,
): Promise<QuantizeResult> {
  const facts = audit.weights.filter(({ component }) => component === session)
  return quantize(host, {
    stage: 'quantize',
    sessions: [
      {
        source: onnxSource(graph.document, session, layers, facts),
        fileName: sessionFileName(session, dtype),
      },
    ],
    layers,
    facts,
    importance: new Map(),
    folder: host.within(folder, 'onnx'),
    tables: 'shared',
    elsewhere,
    // Browsers fetch what a graph names beside it; a small one is one file, as it came.
    inline: graph.hasExternalData ? 'small' : 'all',
  })
}

/** Files that are written anew, and weights of other formats. */
const NOT_COPIED =
  /^(?:mixbit|plan|report|config)\.json$|\.(?:onnx|onnx_data.*|safetensors|bin|html)$/u

async function copyOtherFiles(host: FolderHost, from: string, to: string): Promise<void> {
  for (const name of (await host.list(from)) ?? []) {
    if (NOT_COPIED.test(name) || name.startsWith('.')) continue
    await copyFile(host, host.within(from, name), host.within(to, name))
  }
}

async function writeConfig(
  host: FolderHost,
  { model, folder }: QuantizeFolderRequest,
  result: QuantizeResult,
  dtypes: Readonly<Record<string, DtypeName>>,
): Promise<void> {
  const names = (await host.list(model.path)) ?? []
  const config: JsonObject = names.includes('config.json')
    ? await readJsonObject(host, host.within(model.path, 'config.json'))
    : {}
  const external = result.files
    .map(({ file }) => baseName(file.path))
    .filter((name) => name.endsWith('_data'))
    .map((name) => name.slice(0, -'_data'.length))
  const written = withTransformersJsConfig(config, dtypes, external)
  await writeJson(host, host.within(folder, 'config.json'), written)
}

function manifestOf(
  { model, plan }: QuantizeFolderRequest,
  result: QuantizeResult,
  dtypes: Readonly<Record<string, DtypeName>>,
): Manifest {
  const sessions = Object.entries(dtypes)
  return {
    schema: 'mixbit/model@1',
    target: plan.target,
    task: model.sessions.manifest?.task ?? '',
    prompt: model.sessions.manifest?.prompt ?? '',
    sessions: Object.fromEntries(
      sessions.map(([session, dtype]) => [session, `onnx/${sessionFileName(session, dtype)}.onnx`]),
    ),
    components: Object.fromEntries(
      sessions.map(([session]) => [session, componentOf(session, plan, result)]),
    ),
    files: result.files.map(({ file }) => ({
      path: `onnx/${baseName(file.path)}`,
      bytes: file.bytes,
      sha256: file.sha256,
    })),
  }
}

function componentOf(session: string, plan: Plan, result: QuantizeResult): ManifestComponent {
  const own = plan.layers.filter(({ component }) => component === session)
  const files = result.files.filter((each) => each.session === session)
  return {
    files: files.map(({ file }) => `onnx/${baseName(file.path)}`),
    bytes: storedBytes(own),
    parameters: own.reduce((sum, layer) => sum + elementsOf(layer.shape), 0),
    precision: mainPrecision(own),
  }
}

function baseName(path: string): string {
  return path.replace(/^.*[/\\]/u, '')
}
