import {
  auditModel,
  importanceFrom,
  planModel,
  readCheckpointModel,
  savedStatistics,
  writeJson,
} from '@mixbit/core'
import type { Command } from '../command.ts'
import { EXIT } from '../io.ts'
import { writeResult } from '../output.ts'
import { textOption } from '../parsed-args.ts'
import { resolveSettings } from '../settings.ts'
import { withHost } from '../with-host.ts'
import { planText } from '../../terminal/plan-text.ts'
import { paintFor } from '../../terminal/style.ts'

export const command: Command = {
  async run(args, io) {
    const settings = await resolveSettings(args, io.cwd)
    const output = textOption(args, 'output')
    const plan = await withHost(args, io, async (host) => {
      const model = await readCheckpointModel(host, settings.model)
      try {
        const audit = await auditModel(host, model)
        const { data } = settings.calibration
        const saved = data === null ? null : await savedStatistics(host, data)
        const hash = saved === null ? null : importanceFrom(host, saved, audit.weights).hash
        const made = await planModel(host, audit, settings, null, hash)
        if (output !== undefined) await writeJson(host, output, made)
        return made
      } finally {
        await model.close()
      }
    })
    const layout = { width: io.stdout.columns, paint: paintFor(io.stdout, io.env) }
    writeResult(args, io, { json: plan, text: planText(plan, layout) })
    return EXIT.done
  },
}
