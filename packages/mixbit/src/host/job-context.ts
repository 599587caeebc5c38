import { stat } from 'node:fs/promises'
import type { JobContext, RuntimeOptions, Session, Tokenizer } from '@mixbit/core'
import { decodeImage } from './images.ts'
import { reading } from './file-error.ts'
import { regionReader } from './read-region.ts'

/** A job context that can be emptied. */
export type ThreadContext = JobContext & {
  /** Releases every loaded model. */
  readonly close: () => Promise<void>
}

type Kept<Value> = { readonly stamp: string; readonly value: Promise<Value> }

/**
 * What jobs of one thread share: every model and tokenizer is loaded once, while its file stays. What
 * reads them is loaded when it is needed: threads that only compute stay small.
 */
export function createJobContext(): ThreadContext {
  const sessions = new Map<string, Kept<Session>>()
  const tokenizers = new Map<string, Kept<Tokenizer>>()

  const session = (path: string, options: RuntimeOptions): Promise<Session> =>
    kept(sessions, `${options.numerics} ${path}`, path, {
      load: async () => (await import('./session.ts')).createSession(path, options),
      drop: (old) => old.release(),
    })
  const tokenizer = (folder: string): Promise<Tokenizer> =>
    kept(tokenizers, folder, folder, {
      load: async () => (await import('./tokenizer.ts')).loadTokenizer(folder),
      drop: () => Promise.resolve(),
    })
  const close = async (): Promise<void> => {
    const loaded = [...sessions.values()]
    sessions.clear()
    tokenizers.clear()
    for (const { value } of loaded) await value.then((old) => old.release()).catch(() => undefined)
  }
  return { session, tokenizer, decodeImage, readRegion: regionReader(), close }
}

type Loader<Value> = {
  readonly load: () => Promise<Value>
  readonly drop: (old: Value) => Promise<void>
}

/** The kept value of `key`, loaded again when the file at `path` is another than it was. */
async function kept<Value>(
  store: Map<string, Kept<Value>>,
  key: string,
  path: string,
  { load, drop }: Loader<Value>,
): Promise<Value> {
  const stamp = await fileStamp(path)
  const old = store.get(key)
  if (old?.stamp === stamp) return await old.value
  store.delete(key)
  await old?.value.then(drop).catch(() => undefined)
  const value = load()
  store.set(key, { stamp, value })
  value.catch(() => store.delete(key))
  return await value
}

/** Differs when the file was written again or replaced. */
function fileStamp(path: string): Promise<string> {
  return reading(path, async () => {
    const { ino, size, mtimeMs } = await stat(path)
    return `${ino} ${size} ${mtimeMs}`
  })
}
