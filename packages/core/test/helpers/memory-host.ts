import { createHash } from 'node:crypto'

import { memorySource } from '../../src/base/bytes.ts'
import { MixbitError } from '../../src/base/error.ts'
import type { MixbitEvent } from '../../src/base/events.ts'
import type { Hash, Host, JobContext, Pool } from '../../src/base/host.ts'
import { jobs } from '../../src/jobs.ts'

export type MemoryHost = Host & {
  /** Every finished file by its path. */
  readonly files: Map<string, Uint8Array>
  /** Every folder that was made, though perhaps nothing lies in it. */
  readonly folders: ReadonlySet<string>
  readonly events: readonly MixbitEvent[]
}

/**
 * A host whose files are in memory, with slashes in paths, and whose pool runs the real jobs in
 * this thread on copies of their inputs, as threads would.
 *
 * @param context - what jobs reach; by default none of them reaches anything
 */
export function memoryHost(
  files: ReadonlyMap<string, Uint8Array> = new Map(),
  context: JobContext = noContext,
): MemoryHost {
  const written = new Map(files)
  const events: MixbitEvent[] = []
  const folders = new Set<string>()
  return {
    files: written,
    folders,
    events,
    pool: jobPool(context),
    open: (path) => {
      const bytes = written.get(path)
      return bytes === undefined
        ? Promise.reject(new MixbitError('not-found', `"${path}" does not exist.`))
        : Promise.resolve(memorySource(path, bytes))
    },
    create: (path) => Promise.resolve(memorySink(path, written)),
    list: (folder) => Promise.resolve(namesIn(written, folder, 'files')),
    listFolders: (folder) => Promise.resolve(namesIn(written, folder, 'folders')),
    createFolder: (path) => Promise.resolve(void folders.add(path)),
    realPath: (path) => path,
    exists: (path) => Promise.resolve(written.has(path)),
    within: (folder, relative) => {
      if (relative.startsWith('/') || relative.split('/').includes('..')) {
        throw new MixbitError('path-outside', `"${relative}" leaves "${folder}".`)
      }
      return `${folder.replace(/\/+$/u, '')}/${relative}`
    },
    sha256,
    tokenizer: () => Promise.reject(new TypeError('this host has no tokenizers')),
    emit: (event) => events.push(event),
  }
}

/** Undefined where nothing lies below the folder. */
function namesIn(
  files: ReadonlyMap<string, Uint8Array>,
  folder: string,
  kind: 'files' | 'folders',
): readonly string[] | undefined {
  const below = [...files.keys()].filter((path) => path.startsWith(`${folder}/`))
  if (below.length === 0) return undefined
  const parts = below.map((path) => path.slice(folder.length + 1).split('/'))
  const own = parts.filter(({ length }) => (kind === 'files' ? length === 1 : length > 1))
  return [...new Set(own.flatMap(([name = '']) => name))].toSorted()
}

function memorySink(path: string, files: Map<string, Uint8Array>) {
  const pieces: Uint8Array[] = []
  return {
    name: path,
    write: (bytes: Uint8Array) => Promise.resolve(void pieces.push(bytes.slice())),
    close: () => Promise.resolve(void files.set(path, new Uint8Array(Buffer.concat(pieces)))),
    discard: () => Promise.resolve(),
  }
}

function sha256(): Hash {
  const hash = createHash('sha256')
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') }
}

const absent = (): never => {
  throw new TypeError('this host runs no models')
}

const noContext: JobContext = { session: absent, decodeImage: absent, tokenizer: absent }

/** Calls jobs by name, one after another; results come in the order of the inputs. */
function jobPool(context: JobContext): Pool {
  const table = new Map<string, unknown>(Object.entries(jobs))
  return {
    width: 1,
    map: (name, inputs) => mapJobs(table.get(name), inputs, context),
    close: () => Promise.resolve(),
  }
}

async function* mapJobs<Input, Output>(
  job: unknown,
  inputs: AsyncIterable<Input> | Iterable<Input>,
  context: JobContext,
): AsyncGenerator<Output> {
  if (!isJob<Output>(job)) throw new TypeError('There is no such job')
  for await (const input of inputs)
    yield structuredClone(await job(structuredClone(input), context))
}

/** The table's types are by name; what a test asks for by name it knows. */
function isJob<Output>(
  job: unknown,
): job is (input: unknown, context: JobContext) => Promise<Output> {
  return typeof job === 'function'
}
