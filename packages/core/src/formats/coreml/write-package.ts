import { toBinary } from '@bufbuild/protobuf'
import type { ByteSink, ByteSource } from '../../base/bytes.ts'
import { ensure } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'
import { largestOf } from '../../base/largest.ts'
import type { BlobFile } from './blob-index.ts'
import { startBlobFile } from './blob-writer.ts'
import { copiedBytes } from './copied-bytes.ts'
import type { CoremlDocument } from './document.ts'
import { editProgram } from './edit-program.ts'
import type { ProgramEdit } from './edit-program.ts'
import type { CoremlForm } from './form-types.ts'
import { ModelSchema } from './generated/coreml_pb.ts'
import type { Program } from './generated/coreml_pb.ts'
import { MANIFEST_PATH } from './manifest.ts'
import type { PartChunk } from './part-chunks.ts'
import type { CoremlModel } from './read-package.ts'
import { specOfOpset } from './program-facts.ts'
import { restyledWeights } from './restyle.ts'
import type { BlobPlace } from './stored-array.ts'
import { arraysOf } from './stored-facts.ts'
import { blobReferences } from './visit-values.ts'
import { blobsOf, writeWeight } from './write-weight.ts'
import { FIRST_PROGRAM_SPEC } from '../../targets/coreml-versions.ts'

/** What a weight becomes. */
export type Replacement = {
  readonly form: CoremlForm
  /**
   * The bytes of all parts in the order of `form.parts`, as `partChunks` gives them; asked for once. They
   * are good until the next are asked for.
   */
  readonly parts: () => AsyncIterable<PartChunk>
}

export type WriteCoremlRequest = {
  readonly model: CoremlModel
  /** Not the folder of `model`: that is read while this is written. Files that are there are replaced. */
  readonly folder: string
  /** By the names of the document's weights; all others stay as they are. */
  readonly replacements: ReadonlyMap<string, Replacement>
  /** The specification version to raise the package to at least; by default only what forms need. */
  readonly spec?: number
}

export type WrittenPackage = {
  /** Paths inside the package, sorted. */
  readonly files: readonly WrittenPart[]
  readonly bytes: number
  /** The specification version as written. */
  readonly spec: number
}

export type WrittenPart = { readonly path: string; readonly bytes: number }

/** What writing needs of a host. */
export type WritingHost = Pick<Host, 'create' | 'createFolder' | 'open' | 'within'>

/**
 * Writes a package with other forms of some of its weights. Weight files are streamed: blobs that stay
 * are copied with their headers, new ones take the place of what they replace; a weight file in which
 * nothing changes is copied byte for byte. Manifest and other files are copied.
 *
 * Throws `unsupported-scheme` when a form needs an operator set that the program cannot be raised to.
 */
export async function writeCoremlPackage(
  host: WritingHost,
  request: WriteCoremlRequest,
): Promise<WrittenPackage> {
  const { model, folder } = request
  const { document } = model
  const spec = neededSpec(request)
  // Those that were asked for come first, as in `inFileOrder`, where several begin at one blob.
  const replacements = new Map<string, Replacement>(request.replacements)
  for (const [name, restyled] of spec === null ? [] : restyledWeights(document, spec)) {
    if (!replacements.has(name)) replacements.set(name, restyled)
  }
  const edit = editProgram(document, replacements.keys(), spec)
  const output: Output = { host, from: model.path, folder, written: [] }
  const moved = await writeBlobFiles(output, document, { edit, replacements })
  moveReferences(edit.program, moved)
  await placeLiterals(document, { edit, replacements })
  edit.finish()
  await writeWhole(output, document.manifest.modelPath, toBinary(ModelSchema, edit.model))
  await writeWhole(output, MANIFEST_PATH, document.manifest.bytes)
  for (const path of document.otherFiles) await copyFile(output, path)
  for (const path of document.emptyFolders) await host.createFolder(host.within(folder, path))
  const files = output.written.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return { files, bytes, spec: edit.model.specificationVersion }
}

/** The version that operator sets must be raised to; null when they can stay. */
function neededSpec({ model, replacements, spec }: WriteCoremlRequest): number | null {
  const { highestSpec, model: proto } = model.document
  const specs = [...replacements.values()].map(({ form }) => form.spec)
  const wanted = largestOf(spec ?? 0, specs)
  // Every program has what the first ones had.
  if (wanted <= FIRST_PROGRAM_SPEC) return null
  const functions = proto.mlProgram?.functions ?? []
  const isReached = functions.every(({ value }) => specOfOpset(value?.opset ?? '') >= wanted)
  ensure(
    isReached || wanted <= highestSpec.spec,
    'unsupported-scheme',
    `The package cannot be raised to specification version ${wanted}: ${highestSpec.reason}. ` +
      'Choose precisions that its own version has.',
    { spec: wanted, highest: highestSpec.spec },
  )
  return wanted
}

type Output = {
  readonly host: WritingHost
  /** The folder that is read. */
  readonly from: string
  readonly folder: string
  readonly written: WrittenPart[]
}

type Exchange = {
  readonly edit: ProgramEdit
  readonly replacements: ReadonlyMap<string, Replacement>
}

/** New offsets by file name and old offset; files that are copied have none. */
type Moved = ReadonlyMap<string, ReadonlyMap<number, number>>

async function writeBlobFiles(
  output: Output,
  document: CoremlDocument,
  { edit, replacements }: Exchange,
): Promise<Moved> {
  const kept = keptOffsets(edit.program)
  const moved = new Map<string, ReadonlyMap<number, number>>()
  for (const file of document.blobFiles.values()) {
    const own = itemsOf(file, document, { kept: kept.get(file.name) ?? new Set(), replacements })
    const isSame = own.every(({ kind }) => kind === 'blob') && own.length === file.blobs.size
    if (isSame) await copyFile(output, file.path)
    else moved.set(file.name, await writeBlobFile(output, file, own, edit))
  }
  return moved
}

function keptOffsets(program: Program): ReadonlyMap<string, ReadonlySet<number>> {
  const kept = new Map<string, Set<number>>()
  for (const { fileName, offset } of blobReferences(program)) {
    const own = kept.get(fileName) ?? new Set<number>()
    kept.set(fileName, own.add(Number(offset)))
  }
  return kept
}

/** What a weight file holds, in its order: a blob that stays, or a weight where its first blob was. */
type Item =
  | { readonly kind: 'blob'; readonly at: number }
  | {
      readonly kind: 'weight'
      readonly at: number
      readonly name: string
      readonly replacement: Replacement
    }

function itemsOf(
  file: BlobFile,
  document: CoremlDocument,
  {
    kept,
    replacements,
  }: {
    readonly kept: ReadonlySet<number>
    readonly replacements: ReadonlyMap<string, Replacement>
  },
): readonly Item[] {
  const blobs = [...file.blobs.keys()]
    .filter((at) => kept.has(at))
    .map((at) => ({ kind: 'blob', at }) as const)
  const weights = [...replacements].flatMap(([name, replacement]) => {
    const place = firstPlace(document, name)
    if (place?.file !== file.name) return []
    return [{ kind: 'weight', at: place.offset, name, replacement } as const]
  })
  return [...blobs, ...weights].toSorted((a, b) => compare(a.at, b.at))
}

/**
 * Where the first array of a weight lies. One that stands in the program itself goes behind all others;
 * null where there is no weight file.
 */
function firstPlace({ sites, blobFiles }: CoremlDocument, name: string): BlobPlace | null {
  const chain = sites.get(name)?.chain
  const places = chain === undefined ? [] : arraysOf(chain).flatMap(({ place }) => place ?? [])
  const [first] = places.toSorted((a, b) => a.offset - b.offset)
  const [file] = blobFiles.keys()
  return first ?? (file === undefined ? null : { file, offset: Number.POSITIVE_INFINITY })
}

async function writeBlobFile(
  output: Output,
  file: BlobFile,
  items: readonly Item[],
  edit: ProgramEdit,
): Promise<ReadonlyMap<number, number>> {
  const count = items.reduce(
    (sum, item) => sum + (item.kind === 'blob' ? 1 : blobsOf(item.replacement.form)),
    0,
  )
  const offsets = new Map<number, number>()
  await writing(output, file.path, async (sink) => {
    const writer = await startBlobFile(sink, count)
    for (const item of items) {
      if (item.kind === 'blob') {
        const blob = file.blobs.get(item.at)
        if (blob !== undefined) offsets.set(item.at, await writer.copy(file, blob))
        continue
      }
      const { form, parts } = item.replacement
      const values = await writeWeight({ writer, fileName: file.name }, form, parts())
      edit.place(item.name, form, values)
    }
  })
  return offsets
}

/** Weights of a program that has no weight file stand in the program. */
async function placeLiterals(
  document: CoremlDocument,
  { edit, replacements }: Exchange,
): Promise<void> {
  for (const [name, { form, parts }] of replacements) {
    if (firstPlace(document, name) !== null) continue
    edit.place(name, form, await writeWeight(null, form, parts()))
  }
}

/** Values that stayed refer to where their blobs are now. */
function moveReferences(program: Program, moved: Moved): void {
  for (const reference of blobReferences(program)) {
    const offset = moved.get(reference.fileName)?.get(Number(reference.offset))
    if (offset !== undefined) reference.offset = BigInt(offset)
  }
}

async function copyFile(output: Output, path: string): Promise<void> {
  const source = await output.host.open(output.host.within(output.from, path))
  try {
    await writing(output, path, (sink) => copyBytes(sink, source))
  } finally {
    await source.close()
  }
}

async function copyBytes(sink: ByteSink, { sizeInBytes, read }: ByteSource): Promise<void> {
  for await (const piece of copiedBytes(sizeInBytes, read)) await sink.write(piece)
}

function writeWhole(output: Output, path: string, bytes: Uint8Array): Promise<void> {
  return writing(output, path, (sink) => sink.write(bytes))
}

/** One file of the package; a failure leaves nothing of it. */
async function writing(
  { host, folder, written }: Output,
  path: string,
  write: (sink: ByteSink) => Promise<void>,
): Promise<void> {
  const sink = await host.create(host.within(folder, path))
  let bytes = 0
  const counting: ByteSink = {
    ...sink,
    write(chunk) {
      bytes += chunk.length
      return sink.write(chunk)
    },
  }
  try {
    await write(counting)
  } catch (error) {
    await sink.discard()
    throw error
  }
  await sink.close()
  written.push({ path, bytes })
}

/** The names of weights in the order in which `writeCoremlPackage` asks for their parts. */
export function inFileOrder(document: CoremlDocument, names: Iterable<string>): readonly string[] {
  const files = [...document.blobFiles.keys()]
  const places = [...names].map((name) => ({ name, place: firstPlace(document, name) }))
  return places
    .toSorted(({ place: a }, { place: b }) => {
      // Without weight files no weight has a place.
      if (a === null || b === null) return 0
      return files.indexOf(a.file) - files.indexOf(b.file) || compare(a.offset, b.offset)
    })
    .map(({ name }) => name)
}

/** Also of places behind all others, whose difference is no number. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b
}
