import { runModel, runOnnxFile } from '@mixbit/core'
import { noteBesidePlan } from '../beside-plan.ts'
import type { Command } from '../command.ts'
import { checkFolderName } from '../folder-output.ts'
import { EXIT } from '../io.ts'
import type { CommandIo, ExitCode } from '../io.ts'
import { layoutFor } from '../layout.ts'
import { writeResult } from '../output.ts'
import { isPackage } from '../package-path.ts'
import { hasFlag, textOption } from '../parsed-args.ts'
import type { ParsedArgs } from '../parsed-args.ts'
import { requiredOption } from '../required.ts'
import type { CommandSettings } from '../settings.ts'
import { resolveSettings } from '../settings.ts'
import { withHost } from '../with-host.ts'
import { prepareOutput } from '../../host/output.ts'
import { provenance } from '../../host/provenance.ts'
import { writeReport } from '../../host/report-files.ts'
import { nextText } from '../../terminal/next-text.ts'
import { shownPath } from '../../terminal/shown-path.ts'
import { runSummary } from '../../terminal/summary.ts'

export const command: Command = {
  async run(args, io) {
    const settings = await resolveSettings(args, io.cwd)
    noteBesidePlan(args, settings, io)
    return runInto(args, io, settings, {
      path: requiredOption(args, 'output', '-o <folder>'),
      force: hasFlag(args, 'force'),
      planFile: textOption(args, 'plan') ?? null,
      tables: hasFlag(args, 'self-contained') ? 'copied' : 'shared',
    })
  },
}

export type RunOutput = {
  readonly path: string
  readonly force: boolean
  readonly planFile: string | null
  readonly tables: 'shared' | 'copied'
}

/** The whole job into an output folder; the folder appears when everything in it is complete. */
export async function runInto(
  args: ParsedArgs,
  io: CommandIo,
  settings: CommandSettings,
  { path, force, planFile, tables }: RunOutput,
): Promise<ExitCode> {
  if (!(await isPackage(settings.model))) checkFolderName(path)
  const output = await prepareOutput(path, { force, model: settings.model })
  try {
    const report = await withHost(args, io, async (host) => {
      const common = {
        path: settings.model,
        config: settings,
        folder: output.folder,
        now: () => io.now() / 1000,
        provenance: await provenance(settings.model, io.platform),
      }
      const made = settings.model.endsWith('.onnx')
        ? await runOnnxFile(host, { ...common, planFile })
        : (await runModel(host, { ...common, planFile, scratch: output.scratch, tables })).report
      await writeReport(host, output.folder, made)
      return made
    })
    await output.commit()
    const { before, after, gates, passed } = report
    const layout = layoutFor(args, io)
    writeResult(args, io, {
      json: {
        schema: 'mixbit/run@1',
        before,
        after,
        gates,
        passed,
        output: output.path,
      },
      text: `${runSummary(report, layout)}\n${nextText(report, shownPath(output.path, io.cwd), layout)}`,
    })
    return passed ? EXIT.done : EXIT.gateFailed
  } finally {
    await output.dispose()
  }
}
