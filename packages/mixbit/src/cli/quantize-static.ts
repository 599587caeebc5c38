import {
  CALIBRATORS,
  MODEL_IO,
  MixbitError,
  RUNTIME_PROFILES,
  askedActivations,
  plannedActivations,
  quantizeDynamicFile,
  quantizeStaticFile,
  readJson,
  readPlan,
} from '@mixbit/core'
import type {
  Activations,
  Calibrator,
  Host,
  IntegerFile,
  ModelIo,
  OnnxFileModel,
  Plan,
  RuntimeProfile,
  WrittenOnnx,
} from '@mixbit/core'
import { takesOption, textOption } from './parsed-args.ts'
import type { ParsedArgs } from './parsed-args.ts'
import type { CommandSettings } from './settings.ts'
import { withScratch } from './with-host.ts'

/** Where an output file goes. */
type Place = { readonly folder: string; readonly name: string }

type Written = { readonly plan: Plan; readonly written: WrittenOnnx }

/** Writes one ONNX file whose activations are integers; null when none were asked for. */
export async function quantizeIntegers(
  host: Host,
  model: OnnxFileModel,
  args: ParsedArgs,
  config: CommandSettings,
  place: Place,
): Promise<Written | null> {
  const made = await withIntegers(host, model, args, config, place)
  if (made === null) return null
  const { plan, written } = made
  if (written === null) throw new TypeError('A file with a place was not written')
  return { plan, written }
}

/** Plans one ONNX file whose activations are integers; null when none were asked for. */
export async function planIntegers(
  host: Host,
  model: OnnxFileModel,
  args: ParsedArgs,
  config: CommandSettings,
): Promise<Plan | null> {
  const made = await withIntegers(host, model, args, config, null)
  return made === null ? null : made.plan
}

async function withIntegers(
  host: Host,
  model: OnnxFileModel,
  args: ParsedArgs,
  config: CommandSettings,
  place: Place | null,
): Promise<IntegerFile | null> {
  const planFile = takesOption(args, 'plan') ? textOption(args, 'plan') : undefined
  const plan =
    planFile === undefined
      ? null
      : readPlan(await readJson(host, planFile, 'invalid-plan'), planFile)
  const activations = plan === null ? askedActivations(config) : plannedActivations(plan)
  refuseIo(args, activations)
  switch (activations) {
    case null:
      return null
    case 'dynamic':
      return quantizeDynamicFile(host, { model, config, runtime: runtimeOf(args), plan, place })
    case 'static':
      return withScratch((scratch) =>
        quantizeStaticFile(host, {
          model,
          config,
          runtime: runtimeOf(args),
          calibrator: calibratorOf(args),
          io: ioOf(args),
          scratch,
          plan,
          place,
        }),
      )
  }
}

function runtimeOf(args: ParsedArgs): RuntimeProfile {
  return oneOf(args, 'runtime', RUNTIME_PROFILES, 'x86-vnni')
}

function calibratorOf(args: ParsedArgs): Calibrator {
  return oneOf(args, 'calibrator', CALIBRATORS, 'auto')
}

function ioOf(args: ParsedArgs): ModelIo {
  return oneOf(args, 'io', MODEL_IO, 'float')
}

/** Integers at the ends need ranges, which only calibration gives. */
function refuseIo(args: ParsedArgs, activations: Activations): void {
  if (ioOf(args) === 'float' || activations === 'static') return
  throw new MixbitError(
    'usage',
    '--io int8 is for static int8: use --precision w8a8 and --calibration, or leave --io out.',
    { io: 'int8', activations: activations ?? 'float' },
  )
}

function oneOf<Name extends string>(
  args: ParsedArgs,
  option: string,
  names: readonly Name[],
  byDefault: Name,
): Name {
  const text = takesOption(args, option) ? textOption(args, option) : undefined
  if (text === undefined) return byDefault
  const found = names.find((name) => name === text)
  if (found !== undefined) return found
  throw new MixbitError('usage', `--${option} must be one of ${names.join(', ')}.`, { found: text })
}
