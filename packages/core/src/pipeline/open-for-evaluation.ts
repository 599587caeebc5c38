import { weightFacts } from '../audit/weights.ts'
import type { Host } from '../base/host.ts'
import { readModel } from '../convert/read-model.ts'
import type { VlmModel } from '../tasks/vqa/answer.ts'
import { writeFloatModel } from './float-model.ts'

/**
 * The graphs with which a model is run: a package's own, or those of a checkpoint written as float
 * graphs into `scratch`.
 *
 * @param dtype - the variant of an `onnx/` folder that holds several
 */
export async function openForEvaluation(
  host: Host,
  path: string,
  scratch: string,
  dtype: string | null,
): Promise<VlmModel['files']> {
  const model = await readModel(host, path, dtype)
  try {
    if (model.kind === 'onnx-folder') return model.sessions.graphs
    const facts = weightFacts(model.graphs)
    return (await writeFloatModel(host, model, facts, scratch, 'plain')).files
  } finally {
    await model.close()
  }
}
