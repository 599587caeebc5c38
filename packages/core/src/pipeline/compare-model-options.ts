import type { OptionsComparison } from '../compare/options-types.ts'
import { readModelFolder } from '../convert/read-model.ts'
import { compareCheckpointOptions } from './compare-checkpoint-options.ts'
import { compareFileOptions } from './compare-file-options.ts'
import { compareFolderOptions } from './compare-folder-options.ts'
import type { OptionsPlace, OptionsRequest } from './compare-options.ts'

/** Compares the usual ways to quantize a model: an ONNX file, a folder of graphs, or a checkpoint. */
export async function compareModelOptions(
  place: OptionsPlace,
  request: OptionsRequest,
): Promise<OptionsComparison> {
  const kind = await kindOf(place, request.model)
  if (kind === 'checkpoint') return compareCheckpointOptions(place, request)
  if (request.calibration.data !== null) place.emit({ kind: 'notice', message: UNUSED_CALIBRATION })
  return kind === 'onnx-file'
    ? compareFileOptions(place, request)
    : compareFolderOptions(place, request)
}

const UNUSED_CALIBRATION =
  'These options store weights by their values alone: --calibration is not used for ONNX graphs.'

async function kindOf(
  place: OptionsPlace,
  path: string,
): Promise<'onnx-file' | 'onnx-folder' | 'checkpoint'> {
  if (path.endsWith('.onnx')) return 'onnx-file'
  return place.withHost(async (host) => {
    const model = await readModelFolder(host, path)
    await model.close()
    return model.kind
  })
}
