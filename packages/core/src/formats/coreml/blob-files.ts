import type { ByteSource } from '../../base/bytes.ts'
import { ensure } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'
import { indexBlobs, readBlobCount } from './blob-index.ts'
import type { BlobFile } from './blob-index.ts'
import type { Program } from './generated/coreml_pb.ts'
import type { PackageManifest } from './manifest.ts'
import { blobReferences } from './visit-values.ts'

/** `@model_path` stands for the folder of the program. */
const MODEL_PATH = '@model_path/'

/** Files that values name; coremltools writes one, and one more for each that is larger than 2 GB. */
const MAX_BLOB_FILES = 100

export type BlobFilesRequest = {
  readonly manifest: PackageManifest
  readonly program: Program
  /** Sources that are open from now on. */
  readonly opened: ByteSource[]
}

/**
 * Opens and indexes the weight files that the values of a program name. What was opened is in `opened`
 * also when one of them is refused.
 */
export async function openBlobFiles(
  host: Pick<Host, 'open' | 'within'>,
  path: string,
  { manifest, program, opened }: BlobFilesRequest,
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
