import { z } from 'zod'
import { ensure, MixbitError } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'
import { parseJsonText } from '../../base/json-file.ts'
import { parseWith } from '../../base/parse-with.ts'

/** The file that makes a folder a package. */
export const MANIFEST_PATH = 'Manifest.json'

/** Item paths of a manifest lie below this folder. */
const DATA_FOLDER = 'Data'

/** A manifest names two or three items; the rest is room for packages that we have not seen. */
export const MAX_MANIFEST_BYTES = 1_000_000

/** What `Manifest.json` says. */
export type PackageManifest = {
  /** The file as it was read; it is written again unchanged. */
  readonly bytes: Uint8Array
  /** The path of the program inside the package: `Data/com.apple.CoreML/model.mlmodel`. */
  readonly modelPath: string
  /** The folder that `@model_path` stands for in values: `Data/com.apple.CoreML`. */
  readonly modelFolder: string
  /** Paths of all items inside the package, files and folders. */
  readonly itemPaths: readonly string[]
}

const itemSchema = z.object({
  author: z.string(),
  description: z.string(),
  name: z.string(),
  path: z.string().min(1),
})

const manifestSchema = z.object({
  fileFormatVersion: z.string(),
  itemInfoEntries: z.record(z.string(), itemSchema),
  rootModelIdentifier: z.string(),
})

/** Reads the manifest of a package. Throws `malformed`, `unsupported-version` or `path-outside`. */
export async function readManifest(
  host: Pick<Host, 'open' | 'within'>,
  folder: string,
): Promise<PackageManifest> {
  const path = host.within(folder, MANIFEST_PATH)
  const bytes = await readSmallFile(host, path)
  const file = { code: 'malformed', file: path } as const
  const manifest = parseWith(
    manifestSchema,
    parseJsonText(textOf(bytes, path), path, 'malformed'),
    file,
  )
  const version = manifest.fileFormatVersion
  ensure(
    version.split('.')[0] === '1',
    'unsupported-version',
    `"${path}" has format version ${JSON.stringify(version.slice(0, 20))}; Mixbit reads 1.0.0.`,
    { file: path, version: version.slice(0, 20) },
  )
  const items = manifest.itemInfoEntries
  const root = manifest.rootModelIdentifier
  const item = Object.hasOwn(items, root) ? items[root] : undefined
  ensure(
    item !== undefined,
    'malformed',
    `"${path}": rootModelIdentifier names no entry of itemInfoEntries. The package has no model.`,
    { file: path },
  )
  const itemPaths = Object.values(items).map((each) => itemPath(each.path, path))
  const modelPath = itemPath(item.path, path)
  return { bytes, modelPath, modelFolder: parentOf(modelPath), itemPaths }
}

/**
 * The path inside the package of what an item names; `host.within` also refuses it when a link on the
 * way leaves the package.
 */
function itemPath(path: string, file: string): string {
  const parts = path.split('/')
  ensure(
    !path.includes('\\') && parts.every((part) => part !== '' && part !== '.' && part !== '..'),
    'path-outside',
    `"${file}" names ${JSON.stringify(path.slice(0, 200))}; paths of a package lie below its folder "${DATA_FOLDER}".`,
    { file, path: path.slice(0, 200) },
  )
  return `${DATA_FOLDER}/${path}`
}

/** The path without its last part. */
function parentOf(path: string): string {
  return path.split('/').slice(0, -1).join('/')
}

async function readSmallFile(host: Pick<Host, 'open'>, path: string): Promise<Uint8Array> {
  const source = await host.open(path)
  try {
    ensure(
      source.sizeInBytes <= MAX_MANIFEST_BYTES,
      'limit-exceeded',
      `"${path}" has ${source.sizeInBytes} bytes; a manifest has at most ${MAX_MANIFEST_BYTES}.`,
      { file: path, bytes: source.sizeInBytes, limit: MAX_MANIFEST_BYTES },
    )
    return new Uint8Array(await source.read(0, source.sizeInBytes))
  } finally {
    await source.close()
  }
}

function textOf(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new MixbitError('malformed', `"${file}" is not UTF-8 text.`, { file }, { cause })
  }
}
