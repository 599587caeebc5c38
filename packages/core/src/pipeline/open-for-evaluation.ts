import { weightFacts } from '../audit/weights.ts'
import { MixbitError } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import type { OnnxFolderModel } from '../convert/read-model.ts'
import { readModel } from '../convert/read-model.ts'
import type { SessionName } from '../formats/transformers-js/sessions.ts'
import { SESSION_NAMES } from '../formats/transformers-js/sessions.ts'
import type { VlmModel } from '../tasks/vqa/answer.ts'
import { writeFloatModel } from './float-model.ts'
import { withOnnxGraph } from './onnx-graph.ts'

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
    if (model.kind === 'onnx-folder') return await checkedGraphs(host, model)
    if (model.kind === 'onnx-file') throw singleFile(path)
    const facts = weightFacts(model.graphs)
    return (await writeFloatModel(host, model, facts, scratch, 'plain')).files
  } finally {
    await model.close()
  }
}

function singleFile(path: string): MixbitError {
  return new MixbitError(
    'unsupported-model',
    `"${path}" is a single graph; questions about pictures need a model folder.`,
    { path },
  )
}

/**
 * The graphs of a folder, read through once: the runtime says less about a broken file, and opens
 * external data by rules of its own.
 */
async function checkedGraphs(
  host: Pick<Host, 'open' | 'within'>,
  { path, sessions }: OnnxFolderModel,
): Promise<VlmModel['files']> {
  const folder = host.within(path, 'onnx')
  const graphOf = (name: SessionName): string => {
    const graph = sessions.graphs[name]
    if (graph !== undefined) return graph
    throw new MixbitError(
      'unknown-format',
      `"${path}" has no graph ${name}: questions about pictures are asked with ${SESSION_NAMES.join(', ')}. It has ${Object.keys(sessions.graphs).join(', ')}.`,
      { path, session: name },
    )
  }
  const graphs = {
    embed_tokens: graphOf('embed_tokens'),
    vision_encoder: graphOf('vision_encoder'),
    decoder_model_merged: graphOf('decoder_model_merged'),
  }
  for (const graph of Object.values(graphs)) {
    await withOnnxGraph(host, graph, folder, () => undefined)
  }
  return graphs
}
