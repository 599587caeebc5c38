import {
  auditModel,
  importanceForPlan,
  planModel,
  quantizeModel,
  readModelFolder,
  writeFloatModel,
} from '@mixbit/core'
import type { Host, WrittenModel } from '@mixbit/core'
import { join } from 'node:path'
import { prepareOutput } from '../../host/output.ts'
import { shownPath } from '../../terminal/shown-path.ts'
import { writtenText } from '../../terminal/written-text.ts'
import { noteBesidePlan } from '../beside-plan.ts'
import type { Command } from '../command.ts'
import { checkFolderName } from '../folder-output.ts'
import { EXIT } from '../io.ts'
import { layoutFor } from '../layout.ts'
import { writeResult } from '../output.ts'
import { isPackage } from '../package-path.ts'
import { hasFlag, textOption } from '../parsed-args.ts'
import type { ParsedArgs } from '../parsed-args.ts'
import { quantizeFolder } from '../quantize-folder.ts'
import { quantizeOnnx } from '../quantize-onnx.ts'
import { quantizePackage } from '../quantize-package.ts'
import { requiredOption } from '../required.ts'
import type { CommandSettings } from '../settings.ts'
import { resolveSettings } from '../settings.ts'
import { withHost } from '../with-host.ts'

export const command: Command = {
  async run(args, io) {
    const settings = await resolveSettings(args, io.cwd)
    noteBesidePlan(args, settings, io)
    if (settings.model.endsWith('.onnx')) return quantizeOnnx(args, io, settings)
    if (await isPackage(settings.model)) return quantizePackage(args, io, settings)
    const path = requiredOption(args, 'output', '-o <folder>')
    checkFolderName(path)
    const started = io.now()
    const output = await prepareOutput(path, {
      force: hasFlag(args, 'force'),
      model: settings.model,
    })
    try {
      const written = await withHost(args, io, (host) => quantizeInto(host, args, settings, output))
      await output.commit()
      const seconds = (io.now() - started) / 1000
      const { components } = written.manifest
      const findings = [...written.plan.findings, ...written.findings]
      writeResult(args, io, {
        json: {
          schema: 'mixbit/quantization@1',
          output: output.path,
          bytes: written.bytes,
          components,
          findings,
          seconds,
        },
        text: writtenText(
          shownPath(output.path, io.cwd),
          { written, findings, seconds },
          layoutFor(args, io),
        ),
      })
      return EXIT.done
    } finally {
      await output.dispose()
    }
  },
}

async function quantizeInto(
  host: Host,
  args: ParsedArgs,
  settings: CommandSettings,
  { folder, scratch }: { readonly folder: string; readonly scratch: string },
): Promise<WrittenModel> {
  const model = await readModelFolder(host, settings.model)
  try {
    const tables = hasFlag(args, 'self-contained') ? 'copied' : 'shared'
    if (model.kind === 'onnx-folder')
      return await quantizeFolder(host, args, settings, { model, folder, tables })
    const audit = await auditModel(host, model)
    const planFile = textOption(args, 'plan') ?? null
    const plan = await planModel(host, audit, settings, planFile, null)
    const importance = await importanceForPlan(host, model, audit, plan, settings, () =>
      writeFloatModel(host, model, audit.weights, join(scratch, 'float'), 'with-probes'),
    )
    const written = await quantizeModel(host, { model, audit, plan, importance, folder, tables })
    const findings = [...importance.findings, ...written.findings]
    return { ...written, findings }
  } finally {
    await model.close()
  }
}
