import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { access, lstat, open, readdir, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { MixbitError } from '@mixbit/core/worker'
import type { ByteSource, Hash } from '@mixbit/core'
import { reading } from './file-error.ts'

/** Node refuses one read of 2^31 bytes or more, on every version and platform. */
export const LARGEST_READ: number = 2 ** 30

/** Random access to a file by positional reads; nothing is read ahead or kept. */
export function openFile(path: string): Promise<ByteSource> {
  return reading(path, async () => {
    // Asked before opening, because opening a named pipe waits for its writer.
    const facts = await stat(path)
    if (!facts.isFile()) {
      throw new MixbitError('not-readable', `Cannot read "${path}": it is not a file.`, {
        file: path,
      })
    }
    const handle = await open(path, 'r')
    return fileSource(path, (await handle.stat()).size, handle)
  })
}

function fileSource(path: string, sizeInBytes: number, handle: FileHandle): ByteSource {
  let closing: Promise<void> | undefined
  return {
    name: path,
    sizeInBytes,
    async read(offset, length) {
      const isInside = isCount(offset) && isCount(length) && offset + length <= sizeInBytes
      if (!isInside) throw truncated(path, offset, length, sizeInBytes)
      return await reading(path, async () => {
        const bytes = allocate(path, length)
        const filled = await fill(handle, bytes, offset)
        if (filled < length) throw truncated(path, offset, length, offset + filled)
        return bytes
      })
    },
    close: () => (closing ??= handle.close()),
    descriptor: handle.fd,
  }
}

/** Reads until `bytes` is full or the file ends; returns how many bytes were read. */
async function fill(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<number> {
  let filled = 0
  while (filled < bytes.length) {
    const wanted = Math.min(LARGEST_READ, bytes.length - filled)
    const { bytesRead } = await handle.read(bytes, filled, wanted, offset + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}

/** A buffer of its own (never part of Node's pool), so that it can move to another thread. */
export function allocate(path: string, length: number): Uint8Array {
  try {
    return new Uint8Array(length)
  } catch (error) {
    const message = `"${path}": ${length} bytes do not fit into memory at once.`
    throw new MixbitError('limit-exceeded', message, { file: path, length }, { cause: error })
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** That a file ended before all was read. */
export function truncated(file: string, offset: number, length: number, size: number): MixbitError {
  return new MixbitError(
    'truncated',
    `"${file}" ends at byte ${size}; ${length} bytes at ${offset} were asked for.`,
    { file, offset, length, size },
  )
}

/** Names of the files (no folders) in a folder, sorted; undefined when it is not a folder. */
export function listFolder(folder: string): Promise<readonly string[] | undefined> {
  return listEntries(folder, 'isFile')
}

/** Names of the folders in a folder, sorted; undefined when it is not a folder. */
export function listFolders(folder: string): Promise<readonly string[] | undefined> {
  return listEntries(folder, 'isDirectory')
}

type Kind = 'isFile' | 'isDirectory'

async function listEntries(folder: string, kind: Kind): Promise<readonly string[] | undefined> {
  const facts = await stat(folder).catch(() => undefined)
  if (facts?.isDirectory() !== true) return undefined
  return await reading(folder, async () => {
    const names: string[] = []
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (await hasKind(folder, entry, kind)) names.push(entry.name)
    }
    return names.sort(byCodeUnit)
  })
}

type Entry = {
  readonly name: string
  readonly isFile: () => boolean
  readonly isDirectory: () => boolean
  readonly isSymbolicLink: () => boolean
}

/** A link counts as what it leads to. */
async function hasKind(folder: string, entry: Entry, kind: Kind): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry[kind]()
  const target = await stat(join(folder, entry.name)).catch(() => undefined)
  return target?.[kind]() === true
}

/** The same order on every machine, whatever its language. */
function byCodeUnit(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** Whether a file or folder is there. */
export function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  )
}

/** Bytes of all files in a folder and below it; symbolic links are not followed. */
export function directoryBytes(folder: string): Promise<number> {
  return reading(folder, async () => {
    let total = 0
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) total += await directoryBytes(path)
      else if (entry.isFile()) total += (await lstat(path)).size
    }
    return total
  })
}

export function sha256(): Hash {
  const hash = createHash('sha256')
  return {
    update: (bytes) => {
      hash.update(bytes)
    },
    hex: () => hash.digest('hex'),
  }
}
