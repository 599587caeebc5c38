import type { ByteSink, ByteSource } from '../../base/bytes.ts'
import type { Host } from '../../base/host.ts'
import { elementsOf } from '../../tensor/weight.ts'
import type { CoremlForm, CoremlPart } from './form-types.ts'
import { packedBytes } from './mil-dtype.ts'
import type { PartChunk } from './part-chunks.ts'
import type { CoremlModel } from './read-package.ts'
import { writeCoremlPackage } from './write-package.ts'

/** What a weight would become, and how many values its mask keeps, where it has one. */
export type ForecastForm = { readonly form: CoremlForm; readonly kept: number }

export type ForecastRequest = {
  readonly model: CoremlModel
  /** By the names of the document's weights; all others stay as they are. */
  readonly forms: ReadonlyMap<string, ForecastForm>
}

/** What a package would take, all of its files, and the specification version that it would have. */
export type Forecast = { readonly bytes: number; readonly spec: number }

/** Bytes that are made up at once. */
const PIECE_IN_BYTES = 2 ** 22

/**
 * How long a package would be with other forms of some of its weights, to the byte: it is written as
 * `writeCoremlPackage` writes it, with zeros instead of what weight files hold, and to nowhere.
 *
 * Throws `unsupported-scheme` as writing does.
 */
export async function forecastPackage(
  host: Pick<Host, 'open' | 'within'>,
  { model, forms }: ForecastRequest,
): Promise<Forecast> {
  const { document, path } = model
  const empty = new Uint8Array(PIECE_IN_BYTES)
  const blobFiles = [...document.blobFiles].map(
    ([name, file]) => [name, { ...file, source: zeros(file.source, empty) }] as const,
  )
  const { bytes, spec } = await writeCoremlPackage(
    {
      within: host.within,
      open: async (file) => {
        const source = await host.open(file)
        await source.close()
        return zeros(source, empty)
      },
      create: (file) => Promise.resolve(nowhere(file)),
      createFolder: () => Promise.resolve(),
    },
    {
      model: { ...model, document: { ...document, blobFiles: new Map(blobFiles) } },
      folder: path,
      replacements: new Map(
        [...forms].map(([name, { form, kept }]) => [
          name,
          { form, parts: () => emptyParts(form, kept, empty) },
        ]),
      ),
    },
  )
  return { bytes, spec }
}

/** As long as a source, without its bytes. */
function zeros({ name, sizeInBytes }: ByteSource, empty: Uint8Array): ByteSource {
  return {
    name,
    sizeInBytes,
    read: (_, length) =>
      Promise.resolve(length > empty.length ? new Uint8Array(length) : empty.subarray(0, length)),
    close: () => Promise.resolve(),
  }
}

function nowhere(name: string): ByteSink {
  const done = (): Promise<void> => Promise.resolve()
  return { name, write: done, close: done, discard: done }
}

/** Zeros in the place of all parts; a mask has as many ones as it keeps values. */
async function* emptyParts(
  form: CoremlForm,
  kept: number,
  empty: Uint8Array,
): AsyncGenerator<PartChunk> {
  for (const part of form.parts) {
    let left = part.name === 'mask' ? kept : 0
    const bytes = sizeOf(part, kept)
    for (let at = 0; at < bytes; at += PIECE_IN_BYTES) {
      const length = Math.min(PIECE_IN_BYTES, bytes - at)
      const ones = Math.min(left, 8 * length)
      left -= ones
      yield { part: part.name, bytes: ones > 0 ? bitsOf(ones, length) : empty.subarray(0, length) }
    }
  }
}

/** Ones, then zeros. */
function bitsOf(ones: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  bytes.fill(0xff, 0, Math.floor(ones / 8))
  if (ones % 8 > 0) bytes[Math.floor(ones / 8)] = 2 ** (ones % 8) - 1
  return bytes
}

function sizeOf({ dtype, dims }: CoremlPart, kept: number): number {
  return packedBytes(dtype, elementsOf(dims.map((size) => size ?? kept)))
}
