import { readFile, readdir } from 'node:fs/promises'
import path from 'node:path'
import { memoryHost } from './memory-host.ts'
import type { MemoryHost } from './memory-host.ts'

const NANO = path.join(import.meta.dirname, '../../../../fixtures/coreml-nano')

/** The packages that coremltools made, in memory under their names: `float.mlpackage`. */
export async function coremlNanoHost(): Promise<MemoryHost> {
  const entries = await readdir(NANO, { withFileTypes: true, recursive: true })
  const files = entries.filter((entry) => entry.isFile())
  const read = files.map(async ({ parentPath, name }) => {
    const file = path.join(parentPath, name)
    const inside = path.relative(NANO, file).split(path.sep).join('/')
    return [inside, new Uint8Array(await readFile(file))] as const
  })
  return memoryHost(new Map(await Promise.all(read)))
}
