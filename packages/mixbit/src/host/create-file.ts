import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ByteSink } from '@mixbit/core'
import { writing } from './file-error.ts'
import { makeFolder } from './make-folder.ts'

/** A byte sink that can be given up. */
export type FileSink = ByteSink & {
  /** Removes what was written so far; the final name never appears. After close: nothing. */
  readonly discard: () => Promise<void>
}

/** Smaller writes are gathered to this many bytes: a system call costs as much as copying them. */
const GATHER_BYTES = 1 << 18

/**
 * A file that grows under a temporary name beside `path` and gets its name on close, so that
 * nothing half-written ever has it. Missing folders are made; an older file is replaced.
 */
export function createFile(path: string): Promise<FileSink> {
  return writing(path, async () => {
    await makeFolder(dirname(path))
    const temporary = `${path}.${randomBytes(6).toString('hex')}.partial`
    return fileSink(path, temporary, await open(temporary, 'wx'))
  })
}

function fileSink(path: string, temporary: string, handle: FileHandle): FileSink {
  const gather = new Uint8Array(GATHER_BYTES)
  let gathered = 0
  let state: 'open' | 'busy' | 'closed' = 'open'

  const remove = async (): Promise<void> => {
    state = 'closed'
    await handle.close().catch(() => undefined)
    await rm(temporary, { force: true })
  }
  const flush = async (): Promise<void> => {
    const bytes = gather.subarray(0, gathered)
    gathered = 0
    await writeAll(handle, bytes)
  }
  const append = async (bytes: Uint8Array): Promise<void> => {
    if (gathered + bytes.length > GATHER_BYTES) await flush()
    if (bytes.length >= GATHER_BYTES) return await writeAll(handle, bytes)
    gather.set(bytes, gathered)
    gathered += bytes.length
  }
  const finish = async (): Promise<void> => {
    await flush()
    await handle.close()
    await rename(temporary, path)
  }
  /** One step at a time; a step that fails removes the file. */
  const step = async (next: 'open' | 'closed', action: () => Promise<void>): Promise<void> => {
    if (state !== 'open') throw new TypeError(`"${path}" is ${state}; await one write at a time`)
    state = 'busy'
    try {
      await writing(path, action)
    } catch (error) {
      await remove()
      throw error
    }
    state = next
  }
  return {
    name: path,
    write: (bytes) => step('open', () => append(bytes)),
    close: () => step('closed', finish),
    discard: async () => {
      if (state !== 'closed') await remove()
    },
  }
}

/** The system may take fewer bytes than it is given; Node refuses 2^31 at once. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const length = Math.min(2 ** 30, bytes.length - written)
    written += (await handle.write(bytes, written, length)).bytesWritten
  }
}
