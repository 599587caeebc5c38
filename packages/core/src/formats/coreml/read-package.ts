import type { ByteSource } from '../../base/bytes.ts'
import { ensure, MixbitError } from '../../base/error.ts'
import type { Finding } from '../../base/finding.ts'
import type { Host } from '../../base/host.ts'
import { indexBlobs, readBlobCount } from './blob-index.ts'
import type { BlobFile } from './blob-index.ts'
import type { CoremlDocument } from './document.ts'
import type { Model, Program } from './generated/coreml_pb.ts'
import { MANIFEST_PATH, readManifest } from './manifest.ts'
import type { PackageManifest } from './manifest.ts'
import { packageFiles } from './package-files.ts'
import { walkProgram } from './program.ts'
import { ensureFunctions, programSpec } from './program-facts.ts'
import { highestSpec } from './raise-opset.ts'
import { ensureProgram, readModel } from './read-model.ts'
import { unmovable } from './restyle.ts'
import { blobReferences } from './visit-values.ts'
import { collectWeights } from './weights.ts'

/** What reading and writing packages needs of a host. */
export type PackageHost = Pick<Host, 'open' | 'list' | 'listFolders' | 'within'>

/** An opened package. */
export type CoremlModel = {
  readonly path: string
  /** Of all files of the package. */
  readonly bytes: number
  readonly document: CoremlDocument
  readonly findings: readonly Finding[]
  /** Weight files stay open until then. */
  readonly close: () => Promise<void>
}

/** `@model_path` stands for the folder of the program. */
const MODEL_PATH = '@model_path/'

/** Files that values name; coremltools writes one, and one more for each that is larger than 2 GB. */
const MAX_BLOB_FILES = 100

/** Whether a folder is a package: it has a manifest. */
export async function isCoremlPackage(
  host: Pick<Host, 'exists' | 'within'>,
  folder: string,
): Promise<boolean> {
  return host.exists(host.within(folder, MANIFEST_PATH))
}

/**
 * Opens an `.mlpackage`. The program is read, weight files are indexed; nothing of them is loaded.
 *
 * Throws `unsupported-model` for everything but ML Programs, `unsupported-version`, `malformed`,
 * `truncated`, `path-outside`, `limit-exceeded`, `not-found`.
 */
export async function readCoremlPackage(host: PackageHost, path: string): Promise<CoremlModel> {
  const manifest = await readManifest(host, path)
  const model = await withSource(host, host.within(path, manifest.modelPath), readModel)
  const opened: ByteSource[] = []
  const close = async (): Promise<void> => {
    for (const source of opened) await source.close()
  }
  try {
    const document = await readDocument(host, path, { manifest, model, opened })
    const bytes = await sizeOf(host, path, [
      MANIFEST_PATH,
      manifest.modelPath,
      ...document.otherFiles,
    ])
    const blobBytes = opened.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
    return { path, bytes: bytes + blobBytes, document, findings: [], close }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Says why a `.mlmodel` file cannot be compressed, with the remedy. A file with an ML Program lacks its
 * weights: these lie in a package.
 */
export async function refuseModelFile(host: Pick<Host, 'open'>, path: string): Promise<never> {
  await withSource(host, path, ensureProgram)
  throw new MixbitError(
    'unsupported-model',
    `"${path}" is the program of a package, without its weights. Give the path of the .mlpackage folder.`,
    { file: path },
  )
}

type Reading = {
  readonly manifest: PackageManifest
  readonly model: Model
  /** Sources that are open from now on. */
  readonly opened: ByteSource[]
}

async function readDocument(
  host: PackageHost,
  path: string,
  { manifest, model, opened }: Reading,
): Promise<CoremlDocument> {
  const file = manifest.modelPath
  const program = ensureFunctions(file, model)
  const blobFiles = await openBlobFiles(host, path, { manifest, program, opened })
  const known = new Set([MANIFEST_PATH, file, ...[...blobFiles.values()].map((each) => each.path)])
  const otherFiles = (await packageFiles(host, path)).filter((each) => !known.has(each))
  const walk = walkProgram(file, program)
  const { weights, sites } = collectWeights(walk, blobFiles)
  return {
    format: 'coreml',
    model,
    manifest,
    otherFiles,
    blobFiles,
    weights,
    sites,
    spec: programSpec(model.specificationVersion, program),
    highestSpec: highestSpec(program, walk, unmovable(walk, sites)),
  }
}

async function openBlobFiles(
  host: PackageHost,
  path: string,
  { manifest, program, opened }: Omit<Reading, 'model'> & { readonly program: Program },
): Promise<ReadonlyMap<string, BlobFile>> {
  const offsets = new Map<string, Set<number>>()
  for (const { fileName, offset } of blobReferences(program)) {
    const own = offsets.get(fileName) ?? new Set<number>()
    offsets.set(fileName, own.add(Number(offset)))
  }
  ensure(
    offsets.size <= MAX_BLOB_FILES,
    'limit-exceeded',
    `"${manifest.modelPath}" names ${offsets.size} weight files; at most ${MAX_BLOB_FILES} are read.`,
    { file: manifest.modelPath, files: offsets.size },
  )
  const files = new Map<string, BlobFile>()
  for (const [name, own] of offsets) {
    const inside = blobPath(manifest, name)
    const source = await host.open(host.within(path, inside))
    opened.push(source)
    await readBlobCount(source)
    files.set(name, { name, path: inside, source, blobs: await indexBlobs(source, own) })
  }
  return files
}

/** The path inside the package of a file that values name. */
function blobPath({ modelFolder, modelPath }: PackageManifest, name: string): string {
  const rest = name.startsWith(MODEL_PATH) ? name.slice(MODEL_PATH.length) : ''
  const parts = rest.split('/')
  ensure(
    !rest.includes('\\') && parts.every((part) => part !== '' && part !== '.' && part !== '..'),
    'path-outside',
    `"${modelPath}" names the weight file ${JSON.stringify(name.slice(0, 200))}; it must lie below ${MODEL_PATH}.`,
    { file: modelPath, path: name.slice(0, 200) },
  )
  const path = `${modelFolder}/${rest}`
  ensure(path !== modelPath, 'malformed', `"${modelPath}" names itself as a weight file.`, {
    file: modelPath,
  })
  return path
}

async function sizeOf(host: PackageHost, path: string, files: readonly string[]): Promise<number> {
  let sum = 0
  for (const file of files) {
    sum += await withSource(host, host.within(path, file), (source) =>
      Promise.resolve(source.sizeInBytes),
    )
  }
  return sum
}

async function withSource<Result>(
  host: Pick<Host, 'open'>,
  path: string,
  use: (source: ByteSource) => Promise<Result>,
): Promise<Result> {
  const source = await host.open(path)
  try {
    return await use(source)
  } finally {
    await source.close()
  }
}
