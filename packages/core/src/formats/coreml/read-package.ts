import type { ByteSource } from '../../base/bytes.ts'
import { MixbitError } from '../../base/error.ts'
import type { Finding } from '../../base/finding.ts'
import type { Host } from '../../base/host.ts'
import { openBlobFiles } from './blob-files.ts'
import type { CoremlDocument } from './document.ts'
import type { Model } from './generated/coreml_pb.ts'
import { MANIFEST_PATH, readManifest } from './manifest.ts'
import type { PackageManifest } from './manifest.ts'
import { otherFiles, packageContents } from './package-files.ts'
import { ensurePackage } from './package-place.ts'
import { walkProgram } from './program.ts'
import { ensureFunctions, programSpec } from './program-facts.ts'
import { highestSpec } from './raise-opset.ts'
import { ensureProgram, readModel } from './read-model.ts'
import { unmovable } from './restyle.ts'
import { collectWeights } from './weights.ts'

/** What reading and writing packages needs of a host. */
export type PackageHost = Pick<
  Host,
  'open' | 'list' | 'listFolders' | 'exists' | 'realPath' | 'within'
>

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

/**
 * Opens an `.mlpackage`. The program is read, weight files are indexed; nothing of them is loaded.
 *
 * Throws `unsupported-model` for everything but ML Programs, `unsupported-version`, `malformed`,
 * `truncated`, `path-outside`, `limit-exceeded`, `not-found`, `unknown-format` for a file.
 */
export async function readCoremlPackage(host: PackageHost, path: string): Promise<CoremlModel> {
  await ensurePackage(host, path)
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
  const { files, emptyFolders } = await packageContents(host, path)
  const known = [MANIFEST_PATH, file, ...[...blobFiles.values()].map((each) => each.path)]
  const others = otherFiles(host, path, files, { known, named: manifest.itemPaths })
  const walk = walkProgram(file, program)
  const { weights, sites } = await collectWeights(walk, blobFiles)
  return {
    format: 'coreml',
    model,
    manifest,
    otherFiles: others,
    emptyFolders,
    blobFiles,
    weights,
    sites,
    spec: programSpec(model.specificationVersion, program),
    highestSpec: highestSpec(program, walk, unmovable(walk, sites)),
  }
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
