import { evaluateFile, evaluateModel, openForEvaluation } from '@mixbit/core'
import { evaluationText } from '../../terminal/evaluation-text.ts'
import { taskText } from '../../terminal/task-text.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../io.ts'
import type { CommandIo, ExitCode } from '../io.ts'
import { layoutFor } from '../layout.ts'
import { writeResult } from '../output.ts'
import { numberOption, textOption } from '../parsed-args.ts'
import type { ParsedArgs } from '../parsed-args.ts'
import { requiredOption } from '../required.ts'
import type { CommandSettings } from '../settings.ts'
import { resolveSettings } from '../settings.ts'
import { withHost, withScratch } from '../with-host.ts'

/** `evaluate` of one ONNX file: the data set says what its task is. */
async function evaluateOnnx(
  args: ParsedArgs,
  io: CommandIo,
  { model, numerics }: CommandSettings,
  data: string,
): Promise<ExitCode> {
  const { evaluation } = await withHost(args, io, (host) =>
    evaluateFile(host, {
      path: model,
      data,
      limit: numberOption(args, 'limit') ?? null,
      numerics,
      stage: 'evaluate',
      now: () => io.now() / 1000,
    }),
  )
  writeResult(args, io, { json: evaluation, text: taskText(evaluation, layoutFor(args, io)) })
  return EXIT.done
}

export const command: Command = {
  async run(args, io) {
    const settings = await resolveSettings(args, io.cwd)
    const data = requiredOption(args, 'data')
    if (settings.model.endsWith('.onnx')) return evaluateOnnx(args, io, settings, data)
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
