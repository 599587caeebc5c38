import { memorySource } from '../../src/base/bytes.ts'
import { MixbitError } from '../../src/base/error.ts'
import type { MixbitEvent } from '../../src/base/events.ts'
import type { Host, Pool } from '../../src/base/host.ts'

const refuse = (): never => {
  throw new TypeError('this host only reads')
}

const noPool: Pool = { width: 1, map: refuse, close: () => Promise.resolve() }

/** A host over files in memory, with slashes in paths; `events` collects what it is told. */
export function memoryHost(
  files: Readonly<Record<string, string | Uint8Array>>,
  pool: Pool = noPool,
): Host & { readonly events: readonly MixbitEvent[] } {
  const events: MixbitEvent[] = []
  return {
    events,
    pool,
    open: (path) => {
      const content = files[path]
      if (content === undefined) {
        return Promise.reject(new MixbitError('not-found', `"${path}" does not exist.`))
      }
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
      return Promise.resolve(memorySource(path, bytes))
    },
    list: (folder) => {
      const names = Object.keys(files)
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1))
      return Promise.resolve(names.length === 0 ? undefined : names.filter((n) => !n.includes('/')))
    },
    listFolders: (folder) => {
      const below = Object.keys(files).filter((path) => path.startsWith(`${folder}/`))
      const names = below
        .map((path) => path.slice(folder.length + 1))
        .filter((name) => name.includes('/'))
        .map((name) => name.slice(0, name.indexOf('/')))
      return Promise.resolve(below.length === 0 ? undefined : [...new Set(names)].sort())
    },
    exists: (path) => Promise.resolve(path in files),
    within: (folder, relative) => {
      const parts: string[] = []
      for (const part of relative.split('/')) {
        if (part === '..' && !['..', undefined].includes(parts.at(-1))) parts.pop()
        else if (part !== '.' && part !== '') parts.push(part)
      }
      if (relative.startsWith('/') || parts[0] === '..') {
        throw new MixbitError('path-outside', `"${relative}" leaves "${folder}".`)
      }
      return [folder, ...parts].join('/')
    },
    emit: (event) => events.push(event),
    create: refuse,
    createFolder: refuse,
    realPath: (path) => path,
    sha256: refuse,
    tokenizer: refuse,
  }
}
