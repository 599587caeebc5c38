import { readJson, readReport } from '@mixbit/core'
import { dirname, join } from 'node:path'
import type { Command } from '../command.ts'
import { EXIT } from '../io.ts'
import { writeResult } from '../output.ts'
import { textOption } from '../parsed-args.ts'
import { withHost } from '../with-host.ts'
import { writeReportPage } from '../../host/report-files.ts'

export const command: Command = {
  async run(args, io) {
    const [given = ''] = args.positionals
    const output = await withHost(args, io, async (host) => {
      const isFolder = (await host.list(given)) !== undefined
      const path = isFolder ? join(given, 'report.json') : given
      const report = readReport(await readJson(host, path, 'malformed'), path)
      const target = textOption(args, 'output') ?? join(dirname(path), 'report.html')
      await writeReportPage(host, target, report)
      return target
    })
    writeResult(args, io, {
      json: { schema: 'mixbit/report-page@1', output },
      text: `Report: ${output}`,
    })
    return EXIT.done
  },
}
