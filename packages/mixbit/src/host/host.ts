import { jobs as coreJobs } from '@mixbit/core'
import type { Emit, Host } from '@mixbit/core'
import { resolve } from 'node:path'
import { createFile } from './create-file.ts'
import type { FileSink } from './create-file.ts'
import { exists, listFolder, listFolders, openFile, sha256 } from './files.ts'
import { writing } from './file-error.ts'
import type { JobTable } from './job-table.ts'
import { createPool, defaultWorkers } from './pool.ts'
import { loadTokenizer } from './tokenizer.ts'
import { makeFolder } from './make-folder.ts'
import { realPath, within } from './within.ts'

export type NodeHostOptions = {
  /** Jobs that run in this thread; by default core's, which worker threads have from their own file. */
  readonly jobs?: JobTable
  /** How many worker threads; 0 runs jobs in this thread. By default one a core, at most 8. */
  readonly workers?: number
  /** The file that a worker thread starts; by default the built `worker.js`. */
  readonly workerUrl?: URL
  /** Takes the events of long steps; by default they are dropped. */
  readonly emit?: Emit
}

/** A host whose threads and unfinished files can be given back. */
export type NodeHost = Host & {
  /** Ends the worker threads and removes files that were never closed. */
  readonly dispose: () => Promise<void>
}

/** Core's way to the world, on Node. */
export function createNodeHost(options: NodeHostOptions = {}): NodeHost {
  const { jobs = coreJobs, workers = defaultWorkers(), workerUrl } = options
  const { emit = () => undefined } = options
  const pool = createPool({ jobs, workers, ...(workerUrl === undefined ? {} : { workerUrl }) })
  const unfinished = new Set<FileSink>()
  const create: Host['create'] = async (path) => {
    const sink = await createFile(path)
    unfinished.add(sink)
    const forget = (): boolean => unfinished.delete(sink)
    return {
      ...sink,
      close: () => sink.close().finally(forget),
      discard: () => sink.discard().finally(forget),
    }
  }
  const dispose = async (): Promise<void> => {
    await pool.close()
    for (const sink of unfinished) await sink.discard()
    unfinished.clear()
  }
  return {
    open: openFile,
    create,
    createFolder: (path) => writing(path, () => makeFolder(path)),
    list: listFolder,
    listFolders,
    exists,
    realPath: (path) => realPath(resolve(path)) ?? path,
    within,
    pool,
    sha256,
    tokenizer: loadTokenizer,
    emit,
    dispose,
  }
}
