import { MixbitError } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import type { OptionsComparison } from '../compare/options-types.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import type { OnnxFolderModel } from '../convert/read-model.ts'
import { readModelFolder } from '../convert/read-model.ts'
import { SESSION_NAMES } from '../formats/transformers-js/sessions.ts'
import type { VlmModel } from '../tasks/vqa/answer.ts'
import { compareFileOptions } from './compare-file-options.ts'
import type { OptionSettings, OptionsPlace, OptionsRequest } from './compare-options.ts'
import { measureOptions } from './compare-options.ts'
import type { VlmSubject } from './compare-vlm-options.ts'
import { askedQuestions, measurePackage, measureVlm, vlmModel } from './compare-vlm-options.ts'
import type { AuditedFolder } from './onnx-folder.ts'
import { auditOnnxFolder, planOnnxFolder } from './onnx-folder.ts'
import { quantizeOnnxFolder } from './write-onnx-folder.ts'

/** What the balanced preset gives the components of a checkpoint, for its graphs. */
const SETTINGS: OptionSettings = {
  int8: { precision: 'int8' },
  int4: { precision: 'int4' },
  mixed: {
    components: { embed_tokens: 'int8', vision_encoder: 'int4', decoder_model_merged: 'int4' },
  },
  dynamic: {
    notAvailable:
      'dynamic int8 is written for single ONNX files; folders of graphs have float activations',
  },
}

/**
 * Compares the ways to quantize a folder of ONNX graphs: one that answers questions about pictures,
 * or one with a single graph, which is compared as a file.
 *
 * @throws `unsupported-model` for other folders, whose graphs no task here runs together
 */
export async function compareFolderOptions(
  place: OptionsPlace,
  request: OptionsRequest,
): Promise<OptionsComparison> {
  const model = await place.withHost((host) => readOnnxFolder(host, request.model))
  const [only, ...others] = Object.values(model.sessions.graphs)
  if (only !== undefined && others.length === 0) {
    const comparison = await compareFileOptions(place, { ...request, model: only })
    return { ...comparison, model: request.model }
  }
  const graphs = vlmGraphs(model)
  const audited = await place.withHost((host) => auditOnnxFolder(host, model))
  const subject = await place.withHost((host) => openSubject(host, request, model.path, graphs))
  return measureOptions(place, request, {
    data: subject.dataset.name,
    samples: subject.dataset.samples.length,
    settings: SETTINGS,
    float: () =>
      place.withHost((host) =>
        measureVlm(host, place, request, subject, subject.float, model.bytes),
      ),
    quantized: (name, config) =>
      place.withHost(async (host) => {
        const folder = host.within(place.scratch, name)
        const bytes = await write(host, model, audited, config, folder)
        return measurePackage(host, place, request, subject, { folder, bytes })
      }),
  })
}

async function readOnnxFolder(host: Host, path: string): Promise<OnnxFolderModel> {
  const model = await readModelFolder(host, path)
  if (model.kind === 'onnx-folder') return model
  await model.close()
  throw new MixbitError('unsupported-model', `"${path}" is a checkpoint, not a folder of graphs.`, {
    path,
  })
}

/** The graphs that answer questions: only what a task here runs together can be measured. */
function vlmGraphs({ path, sessions }: OnnxFolderModel): VlmModel['files'] {
  const { embed_tokens, vision_encoder, decoder_model_merged } = sessions.graphs
  if (
    embed_tokens !== undefined &&
    vision_encoder !== undefined &&
    decoder_model_merged !== undefined
  ) {
    return { embed_tokens, vision_encoder, decoder_model_merged }
  }
  const names = Object.keys(sessions.graphs)
  const [first = ''] = Object.values(sessions.graphs)
  throw new MixbitError(
    'unsupported-model',
    `"${path}" has the graphs ${names.join(', ')}, which no task here runs together: options are measured ` +
      `on folders with ${SESSION_NAMES.join(', ')}, and on single graphs. Compare its graphs one by one, ` +
      `such as "${first}".`,
    { path, graphs: names },
  )
}

async function openSubject(
  host: Host,
  request: OptionsRequest,
  path: string,
  graphs: VlmModel['files'],
): Promise<VlmSubject> {
  const questions = await askedQuestions(host, request)
  const float = await vlmModel(host, path, graphs, request, questions.dataset)
  return { ...questions, float }
}

/** Writes the folder of an option and returns its bytes. */
async function write(
  host: Host,
  model: OnnxFolderModel,
  audited: AuditedFolder,
  config: ResolvedConfig,
  folder: string,
): Promise<number> {
  const plan = planOnnxFolder(audited, config)
  const { audit, shared } = audited
  const { bytes } = await quantizeOnnxFolder(host, { model, audit, plan, folder, shared })
  return bytes
}
