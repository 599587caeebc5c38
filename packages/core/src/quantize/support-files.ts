import type { Host } from '../base/host.ts'
import type { CheckpointModel } from '../convert/read-model.ts'
import {
  SUPPORT_FILES,
  preprocessorConfig,
  processorConfig,
} from '../formats/transformers-js/config-files.ts'
import { openDataSink, writeJson } from './data-sink.ts'

type SupportHost = Pick<Host, 'open' | 'create' | 'list' | 'sha256' | 'within'>

/** Copies what exists and makes the two processor files that some checkpoints leave out. */
export async function writeSupportFiles(
  host: SupportHost,
  model: CheckpointModel,
  folder: string,
): Promise<void> {
  const present = (await host.list(model.path)) ?? []
  for (const name of SUPPORT_FILES) {
    if (present.includes(name)) {
      await copyFile(host, host.within(model.path, name), host.within(folder, name))
    }
  }
  const { imageSize, patchSize } = model.facts
  if (!present.includes('preprocessor_config.json')) {
    const path = host.within(folder, 'preprocessor_config.json')
    await writeJson(host, path, preprocessorConfig(imageSize))
  }
  if (!present.includes('processor_config.json')) {
    await writeJson(host, host.within(folder, 'processor_config.json'), processorConfig(patchSize))
  }
}

/** Bytes that are held at once while a file is copied. */
const PIECE_IN_BYTES = 8 * 2 ** 20

/** Copies a file piece by piece. */
export async function copyFile(
  host: Pick<Host, 'open' | 'create' | 'sha256'>,
  from: string,
  to: string,
): Promise<void> {
  const source = await host.open(from)
  try {
    const sink = await openDataSink(host, to)
    for (let offset = 0; offset < source.sizeInBytes; offset += PIECE_IN_BYTES) {
      const length = Math.min(PIECE_IN_BYTES, source.sizeInBytes - offset)
      await sink.write(await source.read(offset, length))
    }
    await sink.finish()
  } finally {
    await source.close()
  }
}
