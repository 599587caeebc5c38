import {
  auditModel,
  calibrateModel,
  readCheckpointModel,
  writeFloatModel,
  writeJson,
} from '@mixbit/core'
import { resolve } from 'node:path'
import { checkFileReplaceable } from '../../host/replaceable-file.ts'
import { shownPath } from '../../terminal/shown-path.ts'
import { findingLines } from '../../terminal/summary.ts'
import { formatCount } from '../../terminal/units.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../io.ts'
import { layoutFor } from '../layout.ts'
import { writeResult } from '../output.ts'
import { requiredOption } from '../required.ts'
import { resolveSettings } from '../settings.ts'
import { withHost, withScratch } from '../with-host.ts'

export const command: Command = {
  async run(args, io) {
    const settings = await resolveSettings(args, io.cwd)
    const data = requiredOption(args, 'data')
    const output = resolve(io.cwd, requiredOption(args, 'output', '-o <file>'))
    await checkFileReplaceable(output, 'mixbit/statistics@')
    const { samples, sampling } = settings.calibration
    const { statistics, findings } = await withHost(args, io, (host) =>
      withScratch(async (scratch) => {
        const model = await readCheckpointModel(host, settings.model)
        try {
          const { weights } = await auditModel(host, model)
          const float = await writeFloatModel(host, model, weights, scratch, 'with-probes')
          if (float.instrumented === null) throw new TypeError('The float model has no probes')
          const measured = await calibrateModel(host, model, float.instrumented, {
            data,
            samples,
            sampling,
            seed: settings.seed,
          })
          await writeJson(host, output, measured.statistics)
          return measured
        } finally {
          await model.close()
        }
      }),
    )
    const layers = Object.keys(statistics.layers).length
    const shown = shownPath(output, io.cwd)
    const { samples: count } = statistics
    const warnings = findingLines(findings, layoutFor(args, io))
    writeResult(args, io, {
      json: { schema: 'mixbit/calibration@1', output, samples: count, layers, findings },
      text: [
        `Measured the inputs of ${layers} weights on ${formatCount(count)} samples: ${shown}`,
        ...warnings,
        `Next: mixbit quantize ${settings.model} --calibration ${shown} -o <folder>`,
      ].join('\n'),
    })
    return EXIT.done
  },
}
