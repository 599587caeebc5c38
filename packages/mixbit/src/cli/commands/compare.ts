import {
  comparedGraphs,
  compareCoremlPackages,
  compareModels,
  compareOnnxFiles,
} from '@mixbit/core'
import type { Comparison, FileComparison, Host, ResolvedConfig } from '@mixbit/core'
import { join } from 'node:path'
import { comparisonText, layersText } from '../../terminal/comparison-text.ts'
import { weightsComparisonText } from '../../terminal/weights-comparison-text.ts'
import type { Command } from '../command.ts'
import { checkCompareArgs, compareOptions } from '../compare-options.ts'
import { EXIT } from '../io.ts'
import type { CommandIo, ExitCode } from '../io.ts'
import { detailOf, layoutFor } from '../layout.ts'
import { writeResult } from '../output.ts'
import { isPackage, refusePair } from '../package-path.ts'
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
  host: Host,
  args: ParsedArgs,
  { model, other, data, numerics }: Compared,
): Promise<FileComparison> {
  return withScratch((scratch) =>
    compareOnnxFiles(host, {
      reference: model,
      candidate: other,
      data,
      limit: numberOption(args, 'limit') ?? null,
      numerics,
      depth: hasFlag(args, 'layers') ? 'each-layer' : 'outputs',
      scratch,
    }),
  )
}

/** `compare` of two model folders, by questions about pictures. */
async function compareFolders(
  host: Host,
  args: ParsedArgs,
  { model, other, data, numerics }: Compared,
): Promise<Comparison> {
  return withScratch((scratch) =>
    compareModels(host, {
      reference: { path: model, scratch: join(scratch, 'reference') },
      candidate: { path: other, scratch: join(scratch, 'candidate') },
      data,
      limit: numberOption(args, 'limit') ?? null,
      numerics,
    }),
  )
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
  const text = weightsComparisonText(comparison, detailOf(args), layoutFor(args, io))
  writeResult(args, io, { json: comparison, text })
  return EXIT.done
}

/** Whether both are Core ML packages; one of them alone is refused. */
async function arePackages(one: string, other: string): Promise<boolean> {
  const [isFirst, isSecond] = [await isPackage(one), await isPackage(other)]
  if (isFirst && !isSecond) return refusePair(one, other)
  if (isSecond && !isFirst) return refusePair(other, one)
  return isFirst
}

export const command: Command = {
  async run(args, io) {
    checkCompareArgs(args)
    const [first = '', other = ''] = args.positionals
    const isPackages = !hasFlag(args, 'options') && (await arePackages(first, other))
    const settings = await resolveSettings(args, io.cwd)
    if (hasFlag(args, 'options')) return compareOptions(args, io, settings)
    const { model, numerics } = settings
    if (isPackages) return comparePackages(args, io, model, other)
    const data = requiredOption(args, 'data')
    const layout = layoutFor(args, io)
    const result = await withHost(args, io, async (host) => {
      const graphs = await comparedGraphs(host, { reference: model, candidate: other })
      if (graphs === null) {
        const json = await compareFolders(host, args, { model, other, data, numerics })
        return { json, text: comparisonText(json, layout) }
      }
      const { reference, candidate } = graphs
      const json = await compareOnnx(host, args, {
        model: reference,
        other: candidate,
        data,
        numerics,
      })
      return { json, text: comparisonText(json, layout) + layersText(json, detailOf(args), layout) }
    })
    writeResult(args, io, result)
    return EXIT.done
  },
}
