import type { Hash, Host } from '../base/host.ts'

/** A file that was written. */
export type WrittenFile = { readonly path: string; readonly bytes: number; readonly sha256: string }

/** A file under construction that knows where it stands and hashes what it gets. */
export type DataSink = {
  /** Fills with zeros up to `offset`, which may not lie behind the end. */
  readonly padTo: (offset: number) => Promise<void>
  readonly write: (bytes: Uint8Array) => Promise<void>
  readonly finish: () => Promise<WrittenFile>
  /** Gives the unfinished file up. */
  readonly discard: () => Promise<void>
}

/** Opens a file for appending. */
export async function openDataSink(
  host: Pick<Host, 'create' | 'sha256'>,
  path: string,
): Promise<DataSink> {
  const sink = await host.create(path)
  const hash: Hash = host.sha256()
  let size = 0
  const write = async (bytes: Uint8Array): Promise<void> => {
    size += bytes.length
    hash.update(bytes)
    await sink.write(bytes)
  }
  return {
    write,
    async padTo(offset) {
      if (offset < size) throw new TypeError(`Offset ${offset} lies behind the end ${size}`)
      if (offset > size) await write(new Uint8Array(offset - size))
    },
    async finish() {
      await sink.close()
      return { path, bytes: size, sha256: hash.hex() }
    },
    discard: () => sink.discard(),
  }
}

/** Writes a file at once. */
export async function writeWhole(
  host: Pick<Host, 'create' | 'sha256'>,
  path: string,
  bytes: Uint8Array,
): Promise<WrittenFile> {
  const sink = await openDataSink(host, path)
  await sink.write(bytes)
  return sink.finish()
}

/** Writes a text file at once, as UTF-8. */
export async function writeText(
  host: Pick<Host, 'create' | 'sha256'>,
  path: string,
  text: string,
): Promise<void> {
  await writeWhole(host, path, new TextEncoder().encode(text))
}

/** Writes a value as JSON for people to read: two spaces, a line break at the end. */
export async function writeJson(
  host: Pick<Host, 'create' | 'sha256'>,
  path: string,
  value: unknown,
): Promise<void> {
  await writeText(host, path, `${JSON.stringify(value, null, 2)}\n`)
}
