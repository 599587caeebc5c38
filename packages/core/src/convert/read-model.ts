import { MixbitError } from '../base/error.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { JsonObject } from '../base/json-file.ts'
import { readJsonObject } from '../base/json-file.ts'
import { isCoremlPackage, whyNoPackage } from '../formats/coreml/package-place.ts'
import { refuseModelFile } from '../formats/coreml/read-package.ts'
import type { SessionFiles } from '../formats/transformers-js/find-sessions.ts'
import type { OnnxFileModel } from './read-onnx-file.ts'
import { readOnnxFile } from './read-onnx-file.ts'
import { findSessions } from '../formats/transformers-js/find-sessions.ts'
import type { Graph } from '../graph/graph.ts'
import type { FastvlmFacts } from './fastvlm/import-fastvlm.ts'
import { readFastvlm } from './fastvlm/read-fastvlm.ts'

export type ModelHost = Pick<Host, 'open' | 'exists' | 'within' | 'list'>

/** A Hugging Face checkpoint folder, imported: weights are read when asked. */
export type CheckpointModel = {
  readonly kind: 'checkpoint'
  readonly format: 'safetensors'
  readonly path: string
  /** Bytes of its model files. */
  readonly bytes: number
  readonly config: JsonObject
  /** In the order in which they are written: the owner of a shared table first. */
  readonly graphs: readonly Graph[]
  readonly facts: FastvlmFacts
  readonly findings: readonly Finding[]
  readonly close: () => Promise<void>
}

/** A folder in the layout of transformers.js. */
export type OnnxFolderModel = {
  readonly kind: 'onnx-folder'
  readonly format: 'transformers-js'
  readonly path: string
  readonly bytes: number
  readonly sessions: SessionFiles
  readonly findings: readonly Finding[]
  readonly close: () => Promise<void>
}

export type LoadedModel = CheckpointModel | OnnxFolderModel | OnnxFileModel

/**
 * Opens a model: a file by its ending, a folder by `mixbit.json`, then `onnx/`, then safetensors. Core ML
 * packages are opened with `readCoremlPackage`.
 *
 * @param dtype - the variant of an `onnx/` folder that holds several
 */
export async function readModel(
  host: ModelHost,
  path: string,
  dtype: string | null,
): Promise<LoadedModel> {
  const files = await host.list(path)
  if (files === undefined && path.endsWith('.onnx')) return readOnnxFile(host, path)
  if (files === undefined && path.endsWith('.mlmodel')) return refuseModelFile(host, path)
  if (files !== undefined && (await isCoremlPackage(host, path))) throw notForPackages(path)
  if (files === undefined) throw await notAModel(host, path)
  const isWritten = files.includes('mixbit.json')
  const hasOnnx = (await host.list(host.within(path, 'onnx'))) !== undefined
  if (isWritten || hasOnnx) {
    const sessions = await findSessions(host, path, dtype)
    return {
      kind: 'onnx-folder',
      format: 'transformers-js',
      path,
      bytes: sessions.bytes,
      sessions,
      findings: [],
      close: () => Promise.resolve(),
    }
  }
  return readCheckpoint(host, path, files)
}

/**
 * Opens a model folder to quantize it: a checkpoint, or a folder of ONNX graphs, of which the float
 * variant counts when there are several.
 */
export async function readModelFolder(
  host: ModelHost,
  path: string,
): Promise<CheckpointModel | OnnxFolderModel> {
  const model = await readModel(host, path, null).catch((error: unknown) => {
    if (!(error instanceof MixbitError) || error.code !== 'ambiguous-variant') throw error
    return readModel(host, path, 'fp32')
  })
  if (model.kind !== 'onnx-file') return model
  await model.close()
  throw await notAModel(host, path)
}

/** Opens a model that must be a checkpoint: only from one can new packages be written. */
export async function readCheckpointModel(host: ModelHost, path: string): Promise<CheckpointModel> {
  const model = await readModel(host, path, null)
  if (model.kind === 'checkpoint') return model
  throw new MixbitError(
    'unsupported-model',
    `"${path}" is ${model.kind === 'onnx-file' ? 'an ONNX file' : 'a folder of ONNX graphs'}; this ` +
      'needs a checkpoint: a folder with config.json and model.safetensors.',
    { path },
  )
}

async function readCheckpoint(
  host: ModelHost,
  path: string,
  files: readonly string[],
): Promise<CheckpointModel> {
  const hasWeights = files.some((name) => name.includes('.safetensors'))
  if (!hasWeights || !files.includes('config.json')) throw await notAModel(host, path)
  const config = await readJsonObject(host, host.within(path, 'config.json'))
  const { model, sizeInBytes, close } = await readFastvlm(host, path)
  const { embed_tokens, vision_encoder, decoder_model_merged } = model.sessions
  return {
    kind: 'checkpoint',
    format: 'safetensors',
    path,
    bytes: sizeInBytes,
    config,
    graphs: [embed_tokens, vision_encoder, decoder_model_merged],
    facts: model.facts,
    findings: model.findings,
    close,
  }
}

/** Commands that work on packages open them before they come here. */
function notForPackages(path: string): MixbitError {
  return new MixbitError(
    'unsupported-model',
    `"${path}" is a Core ML package, which this cannot work on: audit, plan, quantize, compare, verify ` +
      'and convert can.',
    { path },
  )
}

async function notAModel(host: ModelHost, path: string): Promise<MixbitError> {
  const near = await whyNoPackage(host, path)
  if (near !== null) return near
  const files = await host.list(path)
  const what =
    files === undefined
      ? 'is a file of another kind'
      : 'holds no model that Mixbit knows: neither mixbit.json, nor onnx/, nor config.json with *.safetensors'
  return new MixbitError('unknown-format', `"${path}" ${what}. ${READABLE}`, {
    path,
    files: files?.slice(0, 20) ?? [],
  })
}

const READABLE =
  'Mixbit reads Hugging Face checkpoints, folders with onnx/, single .onnx files and Core ML packages ' +
  '(.mlpackage).'
