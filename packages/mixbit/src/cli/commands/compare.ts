import { compareModels } from '@mixbit/core'
import { join } from 'node:path'
import { comparisonText } from '../../terminal/comparison-text.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../io.ts'
import { layoutFor } from '../layout.ts'
import { writeResult } from '../output.ts'
import { numberOption } from '../parsed-args.ts'
import { requiredOption } from '../required.ts'
import { resolveSettings } from '../settings.ts'
import { withHost, withScratch } from '../with-host.ts'

export const command: Command = {
  async run(args, io) {
    const { model, numerics } = await resolveSettings(args, io.cwd)
    const other = args.positionals[1] ?? ''
    const data = requiredOption(args, 'data')
    const comparison = await withHost(args, io, (host) =>
      withScratch((scratch) =>
        compareModels(host, {
          reference: { path: model, scratch: join(scratch, 'reference') },
          candidate: { path: other, scratch: join(scratch, 'candidate') },
          data,
          limit: numberOption(args, 'limit') ?? null,
          numerics,
        }),
      ),
    )
    writeResult(args, io, {
      json: comparison,
      text: comparisonText(comparison, layoutFor(args, io)),
    })
    return EXIT.done
  },
}
