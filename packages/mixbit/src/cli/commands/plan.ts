import {
  auditModel,
  importanceFrom,
  planModel,
  readModelFolder,
  savedStatistics,
  writeJson,
} from '@mixbit/core'
import { resolve } from 'node:path'
import { refuseInside } from '../../host/output.ts'
import { checkFileReplaceable } from '../../host/replaceable-file.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../io.ts'
import { detailOf, layoutFor } from '../layout.ts'
import { writeResult } from '../output.ts'
import { isPackage } from '../package-path.ts'
import { textOption } from '../parsed-args.ts'
import type { ParsedArgs } from '../parsed-args.ts'
import { planFolder } from '../quantize-folder.ts'
import { planPackage } from '../plan-package.ts'
import { planOnnx } from '../quantize-onnx.ts'
import { resolveSettings } from '../settings.ts'
import { withHost } from '../with-host.ts'
import { shownPath } from '../../terminal/shown-path.ts'
import { planText } from '../../terminal/plan-text.ts'

export const command: Command = {
  async run(args, io) {
    const settings = await resolveSettings(args, io.cwd)
    const output = await outputFile(args, io.cwd, settings.model)
    const plan = await withHost(args, io, async (host) => {
      if (settings.model.endsWith('.onnx')) return planOnnx(host, args, settings, output)
      if (await isPackage(settings.model)) return planPackage(host, settings, output)
      const model = await readModelFolder(host, settings.model)
      try {
        if (model.kind === 'onnx-folder') return await planFolder(host, model, settings, output)
        const audit = await auditModel(host, model)
        const { data } = settings.calibration
        const saved = data === null ? null : await savedStatistics(host, data)
        if (data !== null && saved === null) {
          const message = `plan measures nothing: "${data}" is data, and a plan only records the file that \`mixbit calibrate\` wrote`
          io.emit({ kind: 'notice', message })
        }
        const hash =
          saved === null
            ? null
            : importanceFrom(host, { statistics: saved, findings: [] }, audit.weights).hash
        const made = await planModel(host, audit, settings, null, hash)
        if (output !== undefined) await writeJson(host, output, made)
        return made
      } finally {
        await model.close()
      }
    })
    const written =
      output === undefined ? '' : await writtenLine(shownPath(output, io.cwd), plan.model)
    writeResult(args, io, {
      json: plan,
      text: planText(plan, detailOf(args), layoutFor(args, io)) + written,
    })
    return EXIT.done
  },
}

async function outputFile(
  args: ParsedArgs,
  cwd: string,
  model: string,
): Promise<string | undefined> {
  const given = textOption(args, 'output')
  if (given === undefined) return undefined
  const path = resolve(cwd, given)
  if (await isPackage(model)) refuseInside(path, model)
  await checkFileReplaceable(path, 'mixbit/plan@')
  return path
}

async function writtenLine(path: string, model: string): Promise<string> {
  const output = model.endsWith('.onnx')
    ? '<name>.onnx'
    : (await isPackage(model))
      ? '<name>.mlpackage'
      : '<folder>'
  return `\n\nPlan: ${path}\nNext: mixbit quantize ${model} --plan ${path} -o ${output}`
}
