import { evaluateFile, evaluateModel, openForEvaluation, singleGraph } from '@mixbit/core'
import type { Host } from '@mixbit/core'
import { evaluationText } from '../../terminal/evaluation-text.ts'
import type { Layout } from '../../terminal/summary.ts'
import { taskText } from '../../terminal/task-text.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../io.ts'
import { layoutFor } from '../layout.ts'
import { writeResult } from '../output.ts'
import { numberOption, textOption } from '../parsed-args.ts'
import type { ParsedArgs } from '../parsed-args.ts'
import { requiredOption } from '../required.ts'
import { resolveSettings } from '../settings.ts'
import { withHost, withScratch } from '../with-host.ts'

export const command: Command = {
  async run(args, io) {
    const settings = await resolveSettings(args, io.cwd)
    const data = requiredOption(args, 'data')
    const common = {
      data,
      limit: numberOption(args, 'limit') ?? null,
      numerics: settings.numerics,
      stage: 'evaluate',
      now: () => io.now() / 1000,
    }
    const layout = layoutFor(args, io)
    const result = await withHost(args, io, async (host) => {
      const graph = await singleGraph(host, settings.model)
      if (graph === null) return evaluateFolder(host, args, settings.model, common, layout)
      const { evaluation } = await evaluateFile(host, { ...common, path: graph })
      return { json: evaluation, text: taskText(evaluation, layout) }
    })
    writeResult(args, io, result)
    return EXIT.done
  },
}

type Common = Omit<Parameters<typeof evaluateModel>[1], 'folder' | 'files'>

/** A model folder answers questions about pictures. */
async function evaluateFolder(
  host: Host,
  args: ParsedArgs,
  folder: string,
  common: Common,
  layout: Layout,
): Promise<{ readonly json: unknown; readonly text: string }> {
  const dtype = textOption(args, 'dtype') ?? null
  return withScratch(async (scratch) => {
    const files = await openForEvaluation(host, folder, scratch, dtype)
    const { evaluation } = await evaluateModel(host, { ...common, folder, files })
    return { json: evaluation, text: evaluationText(evaluation, layout) }
  })
}
