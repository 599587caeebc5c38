import {
  MixbitError,
  auditCoremlPackage,
  countKeptOfPlan,
  planCoremlPackage,
  precisionName,
  readCoremlPlan,
  quantizeCoremlPackage,
  readCoremlPackage,
  storedBytes,
} from '@mixbit/core'
import type { Host, Plan, QuantizedPackage } from '@mixbit/core'
import { prepareOutput } from '../host/output.ts'
import { shownPath } from '../terminal/shown-path.ts'
import { writtenPackageText } from '../terminal/written-package-text.ts'
import { EXIT } from './io.ts'
import type { CommandIo, ExitCode } from './io.ts'
import { detailOf, layoutFor } from './layout.ts'
import { writeResult } from './output.ts'
import { hasPackageName } from './package-path.ts'
import { hasFlag, textOption } from './parsed-args.ts'
import type { ParsedArgs } from './parsed-args.ts'
import { requiredOption } from './required.ts'
import type { CommandSettings } from './settings.ts'
import { withHost } from './with-host.ts'

/** Where a package is written to: a package too. */
export function packageOutput(args: ParsedArgs): string {
  const path = requiredOption(args, 'output', '-o <name.mlpackage>')
  if (hasPackageName(path)) return path
  throw new MixbitError('usage', 'The output of a Core ML package is one: -o name.mlpackage.', {
    output: path,
  })
}

/** `quantize` of a Core ML package: writes a package in which only weights are stored otherwise. */
export async function quantizePackage(
  args: ParsedArgs,
  io: CommandIo,
  settings: CommandSettings,
): Promise<ExitCode> {
  const started = io.now()
  const output = await prepareOutput(packageOutput(args), {
    force: hasFlag(args, 'force'),
    model: settings.model,
  })
  try {
    const result = await withHost(args, io, (host) =>
      writeInto(host, args, settings, output.folder),
    )
    await output.commit()
    const seconds = (io.now() - started) / 1000
    writeResult(args, io, {
      json: quantizationJson(output.path, result, seconds),
      text: writtenPackageText(
        shownPath(output.path, io.cwd),
        { ...result, seconds },
        detailOf(args),
        layoutFor(args, io),
      ),
    })
    return EXIT.done
  } finally {
    await output.dispose()
  }
}

function quantizationJson(output: string, { plan, written }: Result, seconds: number) {
  const layers = layersJson(plan, written)
  return {
    schema: 'mixbit/quantization@1',
    output,
    bytes: written.bytes,
    predictedBytes: written.predictedBytes,
    components: {
      model: {
        bytes: layers.reduce((sum, { bytes }) => sum + bytes, 0),
        predictedBytes: plan.bytes,
        layers: plan.layers.length,
      },
    },
    layers,
    findings: [...plan.findings, ...written.findings],
    seconds,
  }
}

/** Every weight: how it is stored, and what that cost where it was written anew. */
function layersJson(plan: Plan, written: QuantizedPackage) {
  const made = new Map(written.layers.map((each) => [each.plan.layer, each]))
  return plan.layers.map((layer) => {
    const own = made.get(layer.layer)
    return {
      layer: layer.layer,
      precision: precisionName(layer.scheme),
      form: layer.form,
      bytes: own?.bytes ?? storedBytes([layer]),
      sqnrDb: own?.totals.sqnrDb ?? null,
      mse: own?.totals.mse ?? 0,
      maxAbsError: own?.totals.maxAbsError ?? 0,
    }
  })
}

type Result = { readonly plan: Plan; readonly written: QuantizedPackage; readonly before: number }

async function writeInto(
  host: Host,
  args: ParsedArgs,
  settings: CommandSettings,
  folder: string,
): Promise<Result> {
  const model = await readCoremlPackage(host, settings.model)
  try {
    const audit = await auditCoremlPackage(host, model)
    const planFile = textOption(args, 'plan')
    const bounded =
      planFile === undefined
        ? planCoremlPackage(model, audit, settings)
        : await readCoremlPlan(host, model, audit, planFile)
    const plan = await countKeptOfPlan(host, model, audit, bounded)
    const written = await quantizeCoremlPackage(host, { model, audit, plan, folder })
    return { plan, written, before: model.bytes }
  } finally {
    await model.close()
  }
}
