import type { Host } from '../base/host.ts'
import { readJsonObject } from '../base/json-file.ts'
import type { Numerics } from '../config/settings.ts'
import { evaluateTask } from '../evaluate/evaluate-model-task.ts'
import type { EvaluatedModel, TaskResult } from '../evaluate/task-types.ts'
import { readManifest } from '../formats/transformers-js/manifest.ts'
import { folderOf } from '../tasks/paths.ts'
import { loadTaskDataset } from '../tasks/task-dataset.ts'

/** The ONNX file that a path stands for: itself, or that of a folder that `run` wrote; else null. */
export async function singleGraph(
  host: Pick<Host, 'open' | 'list' | 'within'>,
  path: string,
): Promise<string | null> {
  if (path.endsWith('.onnx')) return path
  const files = (await host.list(path)) ?? []
  if (!files.includes('mixbit.json')) return null
  const file = host.within(path, 'mixbit.json')
  const { sessions } = readManifest(await readJsonObject(host, file), file)
  const graph = sessions['model']
  return graph === undefined ? null : host.within(path, graph)
}

export type EvaluateFileRequest = {
  /** Path of the ONNX file. */
  readonly path: string
  readonly data: string
  readonly limit: number | null
  readonly numerics: Numerics
  readonly stage: string
  readonly now: () => number
}

/** Measures one ONNX file on the task that its data set sets. */
export async function evaluateFile(host: Host, request: EvaluateFileRequest): Promise<TaskResult> {
  const { path, data, limit, numerics, stage, now } = request
  const dataset = await loadTaskDataset(host, data, {
    labels: 'required',
    ...(limit === null ? {} : { limit }),
  })
  return evaluateTask(host, await evaluatedFile(host, path), dataset, { numerics, stage, now })
}

/** A file with the folder of its tokenizer and processor files, which is its own or its parent. */
export async function evaluatedFile(
  host: Pick<Host, 'list'>,
  path: string,
): Promise<EvaluatedModel> {
  const own = folderOf(path)
  for (const folder of [own, folderOf(own)]) {
    const files = (await host.list(folder)) ?? []
    const isModelFolder = files.some(
      (name) => name === 'tokenizer.json' || name === 'preprocessor_config.json',
    )
    if (isModelFolder) return { file: path, folder }
  }
  return { file: path, folder: null }
}
