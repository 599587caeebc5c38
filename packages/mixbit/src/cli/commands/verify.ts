import { verifyCoremlPackage } from '@mixbit/core'
import { verifyText } from '../../terminal/verify-text.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../io.ts'
import { layoutFor } from '../layout.ts'
import { writeResult } from '../output.ts'
import { requirePackage } from '../package-path.ts'
import { resolveSettings } from '../settings.ts'
import { withHost } from '../with-host.ts'

export const command: Command = {
  async run(args, io) {
    const { model } = await resolveSettings(args, io.cwd)
    await requirePackage(model, 'verify')
    const verification = await withHost(args, io, (host) => verifyCoremlPackage(host, model))
    writeResult(args, io, {
      json: verification,
      text: verifyText(verification, layoutFor(args, io)),
    })
    return verification.passed ? EXIT.done : EXIT.gateFailed
  },
}
