import { readFile, readdir } from 'node:fs/promises'
import path from 'node:path'

import { memorySource } from '../../src/base/bytes.ts'
import { type FastvlmFolder } from '../../src/convert/fastvlm/import-fastvlm.ts'
import { parseJson } from '../../src/formats/safetensors/json.ts'
import { readSafetensors } from '../../src/formats/safetensors/read-safetensors.ts'
import type { Weight } from '../../src/tensor/weight.ts'

const NANO = path.join(import.meta.dirname, '../../../../fixtures/fastvlm-nano')

/** The checkpoint that ships with the project. */
export async function nanoFolder(): Promise<FastvlmFolder> {
  return {
    config: await nanoJson('config.json'),
    preprocessor: await nanoJson('preprocessor_config.json'),
    generation: await nanoJson('generation_config.json'),
    weights: await nanoTensors('model.safetensors'),
  }
}

export async function nanoTensors(file: string): Promise<ReadonlyMap<string, Weight>> {
  return readSafetensors(memorySource(file, new Uint8Array(await readFile(path.join(NANO, file)))))
}

async function nanoJson(file: string): Promise<FastvlmFolder['config']> {
  return parseJson(file, await readFile(path.join(NANO, file)))
}

/** The whole checkpoint folder as files in memory, under `nano/`. */
export async function nanoFiles(): Promise<ReadonlyMap<string, Uint8Array>> {
  const entries = await readdir(NANO, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
  return new Map(
    await Promise.all(
      names.map(
        async (name) =>
          [`nano/${name}`, new Uint8Array(await readFile(path.join(NANO, name)))] as const,
      ),
    ),
  )
}
