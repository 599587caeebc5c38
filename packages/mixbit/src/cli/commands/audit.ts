import {
  auditCoremlPackage,
  auditFolder,
  auditModel,
  auditOnnxFile,
  readCoremlPackage,
  readModel,
} from '@mixbit/core'
import type { Audit, ComputeUnit, Host, LoadedModel } from '@mixbit/core'
import type { Command } from '../command.ts'
import { EXIT } from '../io.ts'
import { layoutFor } from '../layout.ts'
import { writeResult } from '../output.ts'
import { isPackage } from '../package-path.ts'
import { hasFlag, textOption } from '../parsed-args.ts'
import { resolveSettings } from '../settings.ts'
import { withHost } from '../with-host.ts'
import { auditText } from '../../terminal/audit-text.ts'

/** What is in a model of any kind that Mixbit reads. */
function auditOf(host: Host, model: LoadedModel): Promise<Audit> {
  switch (model.kind) {
    case 'checkpoint':
      return auditModel(host, model)
    case 'onnx-folder':
      return auditFolder(host, model)
    case 'onnx-file':
      return auditOnnxFile(host, model)
  }
}

async function auditPackage(host: Host, path: string, unit: ComputeUnit | null): Promise<Audit> {
  const model = await readCoremlPackage(host, path)
  try {
    return await auditCoremlPackage(host, model, unit)
  } finally {
    await model.close()
  }
}

export const command: Command = {
  async run(args, io) {
    const { model: path, computeUnit } = await resolveSettings(args, io.cwd)
    const audit = await withHost(args, io, async (host) => {
      if (await isPackage(path)) return auditPackage(host, path, computeUnit)
      const model = await readModel(host, path, textOption(args, 'dtype') ?? null)
      try {
        return await auditOf(host, model)
      } finally {
        await model.close()
      }
    })
    const detail = hasFlag(args, 'verbose') ? 'layers' : 'components'
    writeResult(args, io, { json: audit, text: auditText(audit, detail, layoutFor(args, io)) })
    return EXIT.done
  },
}
