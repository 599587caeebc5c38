import { MixbitError, ensure } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'
import { readJsonObject } from '../../base/json-file.ts'
import type { Manifest } from './manifest.ts'
import { readManifest } from './manifest.ts'
import type { SessionName } from './sessions.ts'
import { SESSION_NAMES } from './sessions.ts'

/** The graphs of one variant of a model folder. */
export type SessionFiles = {
  /** Path of each session's graph. */
  readonly graphs: Readonly<Record<SessionName, string>>
  /** Graphs and their external data, relative to the folder, with sizes. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[]
  /** Bytes of all of them. */
  readonly bytes: number
  readonly manifest: Manifest | null
}

type FolderHost = Pick<Host, 'open' | 'within' | 'list'>

/** All suffixes that transformers.js knows, by dtype name. */
const SUFFIXES: Readonly<Record<string, string>> = {
  fp32: '',
  fp16: '_fp16',
  int8: '_int8',
  uint8: '_uint8',
  q8: '_quantized',
  q4: '_q4',
  q4f16: '_q4f16',
  bnb4: '_bnb4',
}

/**
 * Finds the graphs of a model folder: those that `mixbit.json` names, else the only variant of
 * each session in `onnx/`, else the one that `dtype` names.
 */
export async function findSessions(
  host: FolderHost,
  folder: string,
  dtype: string | null,
): Promise<SessionFiles> {
  const names = (await host.list(folder)) ?? []
  const manifest = names.includes('mixbit.json')
    ? readManifest(
        await readJsonObject(host, host.within(folder, 'mixbit.json')),
        host.within(folder, 'mixbit.json'),
      )
    : null
  const onnx = (await host.list(host.within(folder, 'onnx'))) ?? []
  const relative = (session: SessionName): string =>
    manifest === null || dtype !== null
      ? `onnx/${variantOf(session, onnx, dtype, folder)}`
      : manifestPath(manifest, session, folder)
  const paths = {
    embed_tokens: relative('embed_tokens'),
    vision_encoder: relative('vision_encoder'),
    decoder_model_merged: relative('decoder_model_merged'),
  }
  const files = await filesWithData(host, folder, Object.values(paths), onnx)
  return {
    graphs: {
      embed_tokens: host.within(folder, paths.embed_tokens),
      vision_encoder: host.within(folder, paths.vision_encoder),
      decoder_model_merged: host.within(folder, paths.decoder_model_merged),
    },
    files,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    manifest,
  }
}

function manifestPath(manifest: Manifest, session: SessionName, folder: string): string {
  const path = manifest.sessions[session]
  if (path !== undefined) return path
  throw new MixbitError(
    'malformed',
    `"${folder}/mixbit.json" names no graph for "${session}". Quantize the model again.`,
    { folder, session },
  )
}

function variantOf(
  session: SessionName,
  onnx: readonly string[],
  dtype: string | null,
  folder: string,
): string {
  if (dtype !== null) {
    const suffix = SUFFIXES[dtype]
    const name = `${session}${suffix ?? ''}.onnx`
    ensure(
      suffix !== undefined && onnx.includes(name),
      'ambiguous-variant',
      `"${folder}/onnx" has no ${session} of dtype "${dtype}". It holds ${listed(onnx)}.`,
      { folder, dtype },
    )
    return name
  }
  const variants = onnx.filter((name) => isVariant(name, session))
  const [only] = variants
  ensure(
    only !== undefined,
    'unknown-format',
    `"${folder}/onnx" holds no ${session}*.onnx. Mixbit evaluates image-text-to-text folders with ${SESSION_NAMES.join(', ')}.`,
    { folder, session },
  )
  ensure(
    variants.length === 1,
    'ambiguous-variant',
    `"${folder}/onnx" holds ${variants.length} variants of ${session}: ${listed(variants)}. Choose one with --dtype (${Object.keys(SUFFIXES).join(', ')}).`,
    { folder, variants },
  )
  return only
}

function isVariant(name: string, session: SessionName): boolean {
  return Object.values(SUFFIXES).some((suffix) => name === `${session}${suffix}.onnx`)
}

async function filesWithData(
  host: FolderHost,
  folder: string,
  graphs: readonly string[],
  onnx: readonly string[],
): Promise<readonly { path: string; bytes: number }[]> {
  const paths = graphs.flatMap((graph) => {
    const name = graph.slice(graph.lastIndexOf('/') + 1)
    const data = onnx.filter((file) => file.startsWith(`${name}_data`))
    return [graph, ...data.map((file) => `onnx/${file}`)]
  })
  return Promise.all(
    paths.map(async (path) => {
      const source = await host.open(host.within(folder, path))
      await source.close()
      return { path, bytes: source.sizeInBytes }
    }),
  )
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.slice(0, 12).join(', ')
}
