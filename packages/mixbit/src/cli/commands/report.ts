import { readJson, readReport } from '@mixbit/core'
import { dirname, join, resolve } from 'node:path'
import type { Command } from '../command.ts'
import { EXIT } from '../io.ts'
import { writeResult } from '../output.ts'
import { textOption } from '../parsed-args.ts'
import { withHost } from '../with-host.ts'
import { checkFileReplaceable } from '../../host/replaceable-file.ts'
import { writeReportPage } from '../../host/report-files.ts'
import { shownPath } from '../../terminal/shown-path.ts'

export const command: Command = {
  async run(args, io) {
    const [given = ''] = args.positionals
    const output = await withHost(args, io, async (host) => {
      const isFolder = (await host.list(given)) !== undefined
      const path = isFolder ? join(given, 'report.json') : given
      const report = readReport(await readJson(host, path, 'malformed'), path)
      const target = resolve(
        io.cwd,
        textOption(args, 'output') ?? join(dirname(path), 'report.html'),
      )
      await checkFileReplaceable(target, 'mixbit/report@')
      await writeReportPage(host, target, report)
      return target
    })
    writeResult(args, io, {
      json: { schema: 'mixbit/report-page@1', output },
      text: `Report: ${shownPath(output, io.cwd)}`,
    })
    return EXIT.done
  },
}
