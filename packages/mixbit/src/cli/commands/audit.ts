import { auditFolder, auditModel, readModel } from '@mixbit/core'
import type { Command } from '../command.ts'
import { EXIT } from '../io.ts'
import { layoutFor } from '../layout.ts'
import { writeResult } from '../output.ts'
import { textOption } from '../parsed-args.ts'
import { resolveSettings } from '../settings.ts'
import { withHost } from '../with-host.ts'
import { auditText } from '../../terminal/audit-text.ts'

export const command: Command = {
  async run(args, io) {
    const { model: path } = await resolveSettings(args, io.cwd)
    const audit = await withHost(args, io, async (host) => {
      const model = await readModel(host, path, textOption(args, 'dtype') ?? null)
      try {
        return model.kind === 'checkpoint'
          ? await auditModel(host, model)
          : await auditFolder(host, model)
      } finally {
        await model.close()
      }
    })
    writeResult(args, io, { json: audit, text: auditText(audit, layoutFor(args, io)) })
    return EXIT.done
  },
}
