import { MixbitError, decompressCoremlPackage } from '@mixbit/core'
import { prepareOutput } from '../../host/output.ts'
import { shownPath } from '../../terminal/shown-path.ts'
import { formatBytes, formatCount } from '../../terminal/units.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../io.ts'
import { writeResult } from '../output.ts'
import { requirePackage } from '../package-path.ts'
import { hasFlag } from '../parsed-args.ts'
import { packageOutput } from '../quantize-package.ts'
import { resolveSettings } from '../settings.ts'
import { withHost } from '../with-host.ts'

export const command: Command = {
  async run(args, io) {
    const { model } = await resolveSettings(args, io.cwd)
    if (!hasFlag(args, 'decompress')) {
      throw new MixbitError(
        'usage',
        'convert makes the weights of a Core ML package dense: give --decompress. Nothing else is converted yet.',
        { command: 'convert' },
      )
    }
    await requirePackage(model, 'convert --decompress')
    const output = await prepareOutput(packageOutput(args), {
      force: hasFlag(args, 'force'),
      model,
    })
    try {
      const started = io.now()
      const { before, bytes, weights } = await withHost(args, io, (host) =>
        decompressCoremlPackage(host, { path: model, folder: output.folder }),
      )
      await output.commit()
      const seconds = (io.now() - started) / 1000
      const change = `${formatBytes(before)} to ${formatBytes(bytes)}`
      writeResult(args, io, {
        json: { schema: 'mixbit/conversion@1', output: output.path, bytes, weights, seconds },
        text: `${shownPath(output.path, io.cwd)}  ${change}, ${formatCount(weights)} weights made dense in ${seconds.toFixed(1)} s`,
      })
      return EXIT.done
    } finally {
      await output.dispose()
    }
  },
}
