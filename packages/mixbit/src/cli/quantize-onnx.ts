import {
  MixbitError,
  auditOnnxFile,
  modelIo,
  outputPlace,
  planOnnxFile,
  quantizeOnnxFile,
  readOnnxFile,
  readOnnxFilePlan,
  writeJson,
} from '@mixbit/core'
import type { Host, Plan, WrittenOnnx } from '@mixbit/core'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { writing } from '../host/file-error.ts'
import { makeFolder } from '../host/make-folder.ts'
import { shownPath } from '../terminal/shown-path.ts'
import { writtenOnnxText } from '../terminal/written-onnx-text.ts'
import { EXIT } from './io.ts'
import type { CommandIo, ExitCode } from './io.ts'
import { detailOf, layoutFor } from './layout.ts'
import { writeResult } from './output.ts'
import { hasFlag, textOption } from './parsed-args.ts'
import type { ParsedArgs } from './parsed-args.ts'
import { requiredOption } from './required.ts'
import { planIntegers, quantizeIntegers } from './quantize-static.ts'
import type { CommandSettings } from './settings.ts'
import { withHost } from './with-host.ts'

/** `quantize` of one ONNX file: writes one ONNX file, with external data where it needs some. */
export async function quantizeOnnx(
  args: ParsedArgs,
  io: CommandIo,
  settings: CommandSettings,
): Promise<ExitCode> {
  const path = resolve(io.cwd, requiredOption(args, 'output', '-o <file.onnx>'))
  checkOutput(path, resolve(io.cwd, settings.model), hasFlag(args, 'force'))
  const started = io.now()
  const { plan, written, bytes } = await withHost(args, io, (host) =>
    write(host, args, settings, path),
  )
  const seconds = (io.now() - started) / 1000
  const ends = modelIo(plan)
  writeResult(args, io, {
    json: {
      schema: 'mixbit/quantization@1',
      output: path,
      bytes: written.bytes,
      components: { model: { bytes: plan.bytes, layers: plan.layers.length } },
      findings: plan.findings,
      ...(ends === null ? {} : { io: ends }),
      seconds,
    },
    text: writtenOnnxText(
      shownPath(path, io.cwd),
      { plan, before: bytes, after: written.bytes, seconds },
      detailOf(args),
      layoutFor(args, io),
    ),
  })
  return EXIT.done
}

/** `plan` of one ONNX file. */
export async function planOnnx(
  host: Host,
  args: ParsedArgs,
  settings: CommandSettings,
  output: string | undefined,
): Promise<Plan> {
  const model = await readOnnxFile(host, settings.model)
  try {
    const plan =
      (await planIntegers(host, model, args, settings)) ??
      planOnnxFile(model, await auditOnnxFile(host, model), settings)
    if (output !== undefined) await writeJson(host, output, plan)
    return plan
  } finally {
    await model.close()
  }
}

type Result = { readonly plan: Plan; readonly written: WrittenOnnx; readonly bytes: number }

async function write(
  host: Host,
  args: ParsedArgs,
  settings: CommandSettings,
  path: string,
): Promise<Result> {
  const model = await readOnnxFile(host, settings.model)
  try {
    const place = outputPlace(path)
    await writing(place.folder, () => makeFolder(place.folder))
    const integers = await quantizeIntegers(host, model, args, settings, place)
    if (integers !== null) return { ...integers, bytes: model.bytes }
    const audit = await auditOnnxFile(host, model)
    const planFile = textOption(args, 'plan')
    const plan =
      planFile === undefined
        ? planOnnxFile(model, audit, settings)
        : await readOnnxFilePlan(host, model, audit, planFile)
    const written = await quantizeOnnxFile(host, { model, audit, plan, ...place })
    return { plan, written, bytes: model.bytes }
  } finally {
    await model.close()
  }
}

/** One file replaces at most one file, and never the model that is read. */
function checkOutput(path: string, model: string, isForced: boolean): void {
  if (!path.endsWith('.onnx')) {
    throw new MixbitError('usage', `The output of an ONNX file is an ONNX file: -o name.onnx.`, {
      output: path,
    })
  }
  if (path === model) {
    throw new MixbitError('usage', 'The output is the model itself; choose another name.', {
      output: path,
    })
  }
  const taken = [path, `${path}_data`].find((each) => existsSync(each))
  if (taken === undefined || isForced) return
  throw new MixbitError(
    'output-exists',
    `"${taken}" exists. Choose another name, or use --force.`,
    {
      output: taken,
    },
  )
}
