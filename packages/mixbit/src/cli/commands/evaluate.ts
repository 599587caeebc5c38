import { evaluateModel, openForEvaluation } from '@mixbit/core'
import { evaluationText } from '../../terminal/evaluation-text.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../io.ts'
import { layoutFor } from '../layout.ts'
import { writeResult } from '../output.ts'
import { numberOption, textOption } from '../parsed-args.ts'
import { requiredOption } from '../required.ts'
import { resolveSettings } from '../settings.ts'
import { withHost, withScratch } from '../with-host.ts'

export const command: Command = {
  async run(args, io) {
    const settings = await resolveSettings(args, io.cwd)
    const data = requiredOption(args, 'data')
    const { evaluation } = await withHost(args, io, (host) =>
      withScratch(async (scratch) => {
        const dtype = textOption(args, 'dtype') ?? null
        const files = await openForEvaluation(host, settings.model, scratch, dtype)
        return evaluateModel(host, {
          folder: settings.model,
          files,
          data,
          limit: numberOption(args, 'limit') ?? null,
          numerics: settings.numerics,
          stage: 'evaluate',
          now: () => io.now() / 1000,
        })
      }),
    )
    writeResult(args, io, {
      json: evaluation,
      text: evaluationText(evaluation, layoutFor(args, io)),
    })
    return EXIT.done
  },
}
