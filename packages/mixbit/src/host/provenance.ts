import type { Report } from '@mixbit/core'
import { createRequire } from 'node:module'
import { basename } from 'node:path'
import { listFolder, openFile, sha256 } from './files.ts'
import { within } from './within.ts'
import { toolVersion } from '../cli/version.ts'

/** Bytes hashed at a time. */
const STEP = 2 ** 24

/**
 * Versions, machine and the hashes of the model's tensor files, for the report.
 *
 * @param platform - runtime and machine, as a sentence
 */
export async function provenance(model: string, platform: string): Promise<Report['provenance']> {
  const require = createRequire(import.meta.url)
  const runtime: { version: string } = require('onnxruntime-node/package.json')
  const folder = await listFolder(model)
  const paths =
    folder === undefined
      ? [model]
      : folder.filter((name) => name.endsWith('.safetensors')).map((name) => within(model, name))
  const hashes = await Promise.all(
    paths.map(async (path) => ({
      name: `${basename(path)} (sha256)`,
      value: await fileHash(path),
    })),
  )
  return [
    { name: 'Mixbit', value: toolVersion() },
    { name: 'ONNX Runtime', value: runtime.version },
    { name: 'Machine', value: platform },
    { name: 'Model', value: model },
    ...hashes,
  ]
}

async function fileHash(path: string): Promise<string> {
  const source = await openFile(path)
  try {
    const hash = sha256()
    for (let offset = 0; offset < source.sizeInBytes; offset += STEP) {
      hash.update(await source.read(offset, Math.min(STEP, source.sizeInBytes - offset)))
    }
    return hash.hex()
  } finally {
    await source.close()
  }
}
