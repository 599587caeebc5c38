import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeHost } from '../host/host.ts'
import type { NodeHost } from '../host/host.ts'
import type { CommandIo } from './io.ts'
import { numberOption, takesOption } from './parsed-args.ts'
import type { ParsedArgs } from './parsed-args.ts'

/** Runs `work` with worker threads and files, and gives both back whatever happens. */
export async function withHost<Result>(
  args: ParsedArgs,
  io: CommandIo,
  work: (host: NodeHost) => Promise<Result>,
): Promise<Result> {
  const workers = takesOption(args, 'workers') ? numberOption(args, 'workers') : undefined
  const host = createNodeHost({
    emit: io.emit,
    ...(workers === undefined ? {} : { workers }),
  })
  const stop = (): void => void host.dispose()
  io.signal.addEventListener('abort', stop, { once: true })
  try {
    return await work(host)
  } finally {
    io.signal.removeEventListener('abort', stop)
    await host.dispose()
  }
}

/** Runs `work` with a folder for work files that is removed afterwards. */
export async function withScratch<Result>(
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'mixbit-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}
