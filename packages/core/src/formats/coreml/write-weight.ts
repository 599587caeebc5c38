import { elementsOf } from '../../tensor/weight.ts'
import { paddingOf } from './blob-writer.ts'
import type { BlobWriter } from './blob-writer.ts'
import type { CoremlForm, CoremlPart, CoremlPartName } from './form-types.ts'
import type { Value } from './generated/coreml_pb.ts'
import { belongsInFile, blobValue, literalValue } from './make-values.ts'
import { packedBytes } from './mil-dtype.ts'
import type { PartChunk } from './part-chunks.ts'
import type { PartValues } from './encodings.ts'
import { countBits } from './kept-index.ts'

/** Blobs that a form needs; the rest of its parts stand in the program. */
export function blobsOf(form: CoremlForm): number {
  return form.parts.filter((part) => isInFile(part)).length
}

/**
 * Kept values of a sparse weight always lie in the file: how many they are is known too late to leave
 * them out of its count of blobs.
 */
function isInFile({ dims }: CoremlPart): boolean {
  const sizes = sizesOf(dims, null)
  return sizes === null || belongsInFile(sizes)
}

/** The dimensions of a part; `null` where the kept values are not counted yet. */
function sizesOf(dims: CoremlPart['dims'], kept: number | null): readonly number[] | null {
  const sizes: number[] = []
  for (const size of dims) {
    const known = size ?? kept
    if (known === null) return null
    sizes.push(known)
  }
  return sizes
}

/** A weight file that is being written, under the name that values call it. */
export type WeightFile = { readonly writer: BlobWriter; readonly fileName: string }

/**
 * Writes the parts of a weight, in their order, and gives what each is in the program.
 *
 * @param file - null: all parts stand in the program
 */
export async function writeWeight(
  file: WeightFile | null,
  form: CoremlForm,
  chunks: AsyncIterable<PartChunk>,
): Promise<PartValues> {
  const values = new Map<CoremlPartName, Value>()
  const reader = partReader(chunks)
  let kept: number | null = null
  for (const part of form.parts) {
    const isMask = part.name === 'mask'
    const counter = { bits: 0 }
    const pieces = counted(reader.piecesOf(part.name), isMask ? counter : null)
    values.set(part.name, await writePart(part, { file, pieces, kept }))
    if (isMask) kept = counter.bits
  }
  await reader.end()
  return values
}

type Writing = {
  readonly file: WeightFile | null
  readonly pieces: AsyncIterable<Uint8Array>
  readonly kept: number | null
}

async function writePart(part: CoremlPart, { file, pieces, kept }: Writing): Promise<Value> {
  const { dtype } = part
  const shape = sizesOf(part.dims, kept)
  if (shape === null) throw new TypeError(`the ${part.name} of a weight comes before its mask`)
  const elements = elementsOf(shape)
  const bytes = packedBytes(dtype, elements)
  if (file !== null && isInFile(part)) {
    const header = { dtype, bytes, paddingBits: paddingOf(dtype, elements) }
    return blobValue({ dtype, shape }, file.fileName, await file.writer.write(header, pieces))
  }
  const all = await joined(pieces)
  if (all.length !== bytes) throw new TypeError(`${all.length} bytes of ${bytes} came for a part`)
  return literalValue({ dtype, shape }, all)
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  counter: { bits: number } | null,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    if (counter !== null) counter.bits += countBits(piece)
    yield piece
  }
}

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece.slice())
  const bytes = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of all) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

/** Splits chunks of parts that come one part after another. */
function partReader(chunks: AsyncIterable<PartChunk>): {
  readonly piecesOf: (part: CoremlPartName) => AsyncGenerator<Uint8Array>
  readonly end: () => Promise<void>
} {
  const source = chunks[Symbol.asyncIterator]()
  let next: PartChunk | null | undefined
  const peek = async (): Promise<PartChunk | null> => {
    if (next === undefined) {
      const result = await source.next()
      next = result.done === true ? null : result.value
    }
    return next
  }
  return {
    async *piecesOf(part) {
      for (;;) {
        const chunk = await peek()
        if (chunk?.part !== part) return
        next = undefined
        yield chunk.bytes
      }
    },
    async end() {
      const chunk = await peek()
      if (chunk !== null) throw new TypeError(`more ${chunk.part} than the form has`)
    },
  }
}
