import { compareCoremlPackages, compareModels, compareOnnxFiles } from '@mixbit/core'
import type { ResolvedConfig } from '@mixbit/core'
import { join } from 'node:path'
import {
  comparisonText,
  layersText,
  weightsComparisonText,
} from '../../terminal/comparison-text.ts'
import type { Command } from '../command.ts'
import { checkCompareArgs, compareOptions } from '../compare-options.ts'
import { EXIT } from '../io.ts'
import type { CommandIo, ExitCode } from '../io.ts'
import { layoutFor } from '../layout.ts'
import { writeResult } from '../output.ts'
import { isPackage } from '../package-path.ts'
import { hasFlag, numberOption } from '../parsed-args.ts'
import type { ParsedArgs } from '../parsed-args.ts'
import { requiredOption } from '../required.ts'
import { resolveSettings } from '../settings.ts'
import { withHost, withScratch } from '../with-host.ts'

type Numerics = ResolvedConfig['numerics']

type Compared = {
  readonly model: string
  readonly other: string
  readonly data: string
  readonly numerics: Numerics
}

/** `compare` of two ONNX files, on any data set. */
async function compareOnnx(
  args: ParsedArgs,
  io: CommandIo,
  { model, other, data, numerics }: Compared,
): Promise<ExitCode> {
  const comparison = await withHost(args, io, (host) =>
    withScratch((scratch) =>
      compareOnnxFiles(host, {
        reference: model,
        candidate: other,
        data,
        limit: numberOption(args, 'limit') ?? null,
        numerics,
        depth: hasFlag(args, 'layers') ? 'each-layer' : 'outputs',
        scratch,
      }),
    ),
  )
  const layout = layoutFor(args, io)
  const layers = layersText(comparison, layout)
  writeResult(args, io, { json: comparison, text: comparisonText(comparison, layout) + layers })
  return EXIT.done
}

/** `compare` of two Core ML packages: their weights, which need no data. */
async function comparePackages(
  args: ParsedArgs,
  io: CommandIo,
  reference: string,
  candidate: string,
): Promise<ExitCode> {
  const comparison = await withHost(args, io, (host) =>
    compareCoremlPackages(host, { reference, candidate }),
  )
  const text = weightsComparisonText(comparison, layoutFor(args, io))
  writeResult(args, io, { json: comparison, text })
  return EXIT.done
}

export const command: Command = {
  async run(args, io) {
    checkCompareArgs(args)
    const settings = await resolveSettings(args, io.cwd)
    if (hasFlag(args, 'options')) return compareOptions(args, io, settings)
    const { model, numerics } = settings
    const other = args.positionals[1] ?? ''
    if (isPackage(model) && isPackage(other)) return comparePackages(args, io, model, other)
    const data = requiredOption(args, 'data')
    if (model.endsWith('.onnx') && other.endsWith('.onnx')) {
      return compareOnnx(args, io, { model, other, data, numerics })
    }
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
