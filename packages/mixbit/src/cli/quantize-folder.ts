import {
  auditOnnxFolder,
  planOnnxFolder,
  quantizeOnnxFolder,
  readOnnxFolderPlan,
  writeJson,
} from '@mixbit/core'
import type { Host, OnnxFolderModel, Plan, WrittenModel } from '@mixbit/core'
import { textOption } from './parsed-args.ts'
import type { ParsedArgs } from './parsed-args.ts'
import type { CommandSettings } from './settings.ts'

type FolderOutput = {
  readonly model: OnnxFolderModel
  readonly folder: string
  /** `copied`: every graph has all its weights. */
  readonly tables: 'shared' | 'copied'
}

/** `quantize` of a folder of ONNX graphs, whatever their task: writes such a folder. */
export async function quantizeFolder(
  host: Host,
  args: ParsedArgs,
  settings: CommandSettings,
  { model, folder, tables }: FolderOutput,
): Promise<WrittenModel> {
  const audited = await auditOnnxFolder(host, model)
  const { audit, shared } = audited
  const planFile = textOption(args, 'plan') ?? null
  const plan =
    planFile === null
      ? planOnnxFolder(audited, settings, tables)
      : await readOnnxFolderPlan(host, audited, planFile, tables)
  const once = tables === 'shared' ? { shared } : {}
  return quantizeOnnxFolder(host, { model, audit, plan, folder, ...once })
}

/** `plan` of a folder of ONNX graphs. */
export async function planFolder(
  host: Host,
  model: OnnxFolderModel,
  settings: CommandSettings,
  output: string | undefined,
): Promise<Plan> {
  const plan = planOnnxFolder(await auditOnnxFolder(host, model), settings)
  if (output !== undefined) await writeJson(host, output, plan)
  return plan
}
