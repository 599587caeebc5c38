import {
  type FolderHost,
  openCheckpoint,
  readJsonFile,
} from '../../formats/safetensors/checkpoint.ts'
import type { JsonObject } from '../../base/json-file.ts'
import { type FastvlmModel, importFastvlm } from './import-fastvlm.ts'

/** An imported checkpoint folder; close it when no weight is read any more. */
export type OpenFastvlm = {
  readonly model: FastvlmModel
  /** Bytes of the checkpoint's tensor files. */
  readonly sizeInBytes: number
  /** Names of these files. */
  readonly files: readonly string[]
  readonly close: () => Promise<void>
}

/** Imports a Hugging Face folder of a FastVLM checkpoint. */
export async function readFastvlm(host: FolderHost, folder: string): Promise<OpenFastvlm> {
  const config = await readJsonFile(host, folder, 'config.json')
  const preprocessor = await readOptional(host, folder, 'preprocessor_config.json')
  const generation = await readOptional(host, folder, 'generation_config.json')
  const { weights, sizeInBytes, files, close } = await openCheckpoint(host, folder)
  try {
    const model = await importFastvlm({ config, preprocessor, generation, weights })
    return { model, sizeInBytes, files, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function readOptional(
  host: FolderHost,
  folder: string,
  name: string,
): Promise<JsonObject | undefined> {
  const exists = await host.exists(host.within(folder, name))
  return exists ? readJsonFile(host, folder, name) : undefined
}
