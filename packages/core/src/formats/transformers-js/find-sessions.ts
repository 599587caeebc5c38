import { ensure } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'
import { readJsonObject } from '../../base/json-file.ts'
import type { Manifest } from './manifest.ts'
import { readManifest } from './manifest.ts'
import { SESSION_NAMES } from './sessions.ts'

/** The graphs of one variant of a model folder. */
export type SessionFiles = {
  /** Path of each session's graph. */
  readonly graphs: Readonly<Record<string, string>>
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
  const paths: Readonly<Record<string, string>> =
    manifest === null || dtype !== null ? variants(onnx, dtype, folder) : manifest.sessions
  ensure(
    Object.keys(paths).length > 0,
    manifest === null ? 'unknown-format' : 'malformed',
    manifest === null
      ? `"${folder}/onnx" holds no *.onnx.`
      : `"${folder}/mixbit.json" names no graphs. Quantize the model again.`,
    { folder },
  )
  const files = await filesWithData(host, folder, Object.values(paths), onnx)
  return {
    graphs: Object.fromEntries(
      Object.entries(paths).map(([name, path]) => [name, host.within(folder, path)]),
    ),
    files,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    manifest,
  }
}

/** The path of each session in the asked-for variant, or in the only one that it has. */
function variants(
  onnx: readonly string[],
  dtype: string | null,
  folder: string,
): Readonly<Record<string, string>> {
  const sessions = new Map<string, string[]>()
  for (const name of onnx.filter((each) => each.endsWith('.onnx'))) {
    const session = sessionOf(name)
    sessions.set(session, [...(sessions.get(session) ?? []), name])
  }
  return Object.fromEntries(
    [...sessions]
      .toSorted(inReadingOrder)
      .map(([session, names]) => [
        session,
        `onnx/${dtype === null ? onlyVariant(session, names, folder) : variantOf(session, names, dtype, folder)}`,
      ]),
  )
}

/** The owner of a shared table first, then by name. */
function inReadingOrder([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  const place = (name: string): number => {
    const known = SESSION_NAMES.findIndex((each) => each === name)
    return known < 0 ? SESSION_NAMES.length : known
  }
  return place(a) - place(b) || (a < b ? -1 : 1)
}

/** A graph's name without the suffix of its variant. */
function sessionOf(name: string): string {
  const base = name.slice(0, -'.onnx'.length)
  const suffix = Object.values(SUFFIXES).find((each) => each !== '' && base.endsWith(each))
  return suffix === undefined ? base : base.slice(0, -suffix.length)
}

function variantOf(
  session: string,
  names: readonly string[],
  dtype: string,
  folder: string,
): string {
  const suffix = Object.hasOwn(SUFFIXES, dtype) ? SUFFIXES[dtype] : undefined
  const name = `${session}${suffix ?? ''}.onnx`
  ensure(
    suffix !== undefined && names.includes(name),
    'ambiguous-variant',
    `"${folder}/onnx" has no ${session} of dtype "${dtype}". It holds ${listed(names)}.`,
    { folder, dtype },
  )
  return name
}

function onlyVariant(session: string, names: readonly string[], folder: string): string {
  const [only = ''] = names
  ensure(
    names.length === 1,
    'ambiguous-variant',
    `"${folder}/onnx" holds ${names.length} variants of ${session}: ${listed(names)}. Choose one with --dtype (${Object.keys(SUFFIXES).join(', ')}).`,
    { folder, variants: names },
  )
  return only
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
