import { presets } from './presets.ts'
import type { ComputeUnit } from '../targets/coreml-devices.ts'
import type { LayerRule } from './patterns.ts'
import type {
  CommandLineSettings,
  EvaluationSettings,
  LayerAlgorithm,
  Numerics,
  PresetName,
  Sampling,
  Settings,
  Target,
} from './settings.ts'

/** Where a value came from, for the report. */
export type Origin = 'command line' | 'config file' | 'preset' | 'default'

/** One evaluation set with its gates. */
export type ResolvedEvaluation = {
  readonly data: string
  /** null: all samples. */
  readonly limit: number | null
  readonly maxDrop: number
  readonly minRetained: number
}

/** Every setting, decided. Plain data: the report shows it. */
export type ResolvedConfig = {
  readonly model: string | null
  readonly target: Target
  /** null when precisions do not start from a preset. */
  readonly preset: PresetName | null
  /** Precision name of every weight that no component and no layer rule names. */
  readonly precision: string | null
  readonly components: Readonly<Record<string, string>>
  /** In the order in which they apply: the last one that matches a layer wins. */
  readonly layers: readonly LayerRule[]
  /** null: each weight's precision decides. */
  readonly algorithm: LayerAlgorithm | null
  /** What operations of a Core ML package will run on; null leaves it to the system. */
  readonly computeUnit: ComputeUnit | null
  readonly protect: boolean
  readonly seed: number
  readonly numerics: Numerics
  readonly calibration: {
    readonly data: string | null
    readonly samples: number
    readonly sampling: Sampling
  }
  readonly evaluation: readonly ResolvedEvaluation[]
  /** Bytes. */
  readonly budget: { readonly size: number | null }
  /** Path of each setting to where its value came from. */
  readonly origins: Readonly<Record<string, Origin>>
}

/** What holds when nothing else is asked for: the reference mix and its limits. */
export const defaults = {
  target: 'transformers-js',
  preset: 'balanced',
  protect: true,
  seed: 0,
  numerics: 'faithful',
  samples: 1000,
  sampling: 'spread',
  maxDrop: 0.03,
  minRetained: 0.95,
} as const

/**
 * Merges what was asked for: command line over config file over preset over default.
 *
 * `precision` means every weight, so it replaces the components and layers of sources below its
 * own. Layer rules of the command line come after those of the file, and so win over them.
 */
export function mergeConfig(commandLine: CommandLineSettings, file: Settings): ResolvedConfig {
  const origins: Record<string, Origin> = {}
  const pick = picker(origins)
  const precision = pick('precision', commandLine.precision, file.precision, undefined, null)
  const preset = choosePreset(commandLine, file, precision !== null, origins)
  const kept = presetValues(preset)
  return {
    model: pick('model', commandLine.model, file.model, undefined, null),
    target: pick('target', commandLine.target, file.target, undefined, defaults.target),
    preset,
    precision,
    components: mergeComponents(commandLine, file, preset, origins),
    layers: mergeLayers(commandLine, file, origins),
    algorithm: pick('algorithm', commandLine.algorithm, file.algorithm, undefined, null),
    computeUnit: pick('computeUnit', commandLine.computeUnit, file.computeUnit, undefined, null),
    protect: pick('protect', commandLine.protect, file.protect, undefined, defaults.protect),
    seed: pick('seed', commandLine.seed, file.seed, undefined, defaults.seed),
    numerics: pick('numerics', commandLine.numerics, file.numerics, undefined, defaults.numerics),
    calibration: {
      data: pick(
        'calibration.data',
        commandLine.calibration?.data,
        file.calibration?.data,
        undefined,
        null,
      ),
      samples: pick(
        'calibration.samples',
        commandLine.calibration?.samples,
        file.calibration?.samples,
        kept?.samples,
        defaults.samples,
      ),
      sampling: pick(
        'calibration.sampling',
        commandLine.calibration?.sampling,
        file.calibration?.sampling,
        undefined,
        defaults.sampling,
      ),
    },
    evaluation: mergeEvaluation(commandLine, file, kept?.maxDrop, origins),
    budget: {
      size: pick('budget.size', commandLine.budget?.size, file.budget?.size, undefined, null),
    },
    origins,
  }
}

/** Picks the value of the nearest source that has one, and notes which it was. */
function picker(origins: Record<string, Origin>) {
  return <Value, Default>(
    path: string,
    commandLine: Value | undefined,
    file: Value | undefined,
    preset: Value | undefined,
    byDefault: Default,
  ): Value | Default => {
    const sources = [
      ['command line', commandLine],
      ['config file', file],
      ['preset', preset],
    ] as const
    for (const [origin, value] of sources) {
      if (value === undefined) continue
      origins[path] = origin
      return value
    }
    origins[path] = 'default'
    return byDefault
  }
}

/** One precision for all weights leaves nothing for a preset to start, unless it is named. */
function choosePreset(
  commandLine: Settings,
  file: Settings,
  hasPrecision: boolean,
  origins: Record<string, Origin>,
): PresetName | null {
  const pick = picker(origins)
  const byDefault = hasPrecision ? null : defaults.preset
  return pick('preset', commandLine.preset, file.preset, undefined, byDefault)
}

function presetValues(name: PresetName | null) {
  return name === null ? undefined : presets[name]
}

function mergeComponents(
  commandLine: Settings,
  file: Settings,
  preset: PresetName | null,
  origins: Record<string, Origin>,
): Readonly<Record<string, string>> {
  const fromPreset = presetValues(preset)?.components ?? {}
  const sources = [
    ['command line', commandLine.components ?? {}, commandLine.precision],
    ['config file', file.components ?? {}, file.precision],
    ['preset', fromPreset, undefined],
  ] as const
  const merged = new Map<string, string>()
  for (const [origin, components, precision] of sources) {
    for (const [component, name] of Object.entries(components)) {
      if (merged.has(component)) continue
      merged.set(component, name)
      origins[`components.${component}`] = origin
    }
    if (precision !== undefined) break
  }
  return Object.fromEntries(merged)
}

function mergeLayers(
  commandLine: Settings,
  file: Settings,
  origins: Record<string, Origin>,
): readonly LayerRule[] {
  const fromFile = commandLine.precision === undefined ? (file.layers ?? []) : []
  const fromCommandLine = commandLine.layers ?? []
  for (const { pattern } of fromFile) origins[`layers.${pattern}`] = 'config file'
  for (const { pattern } of fromCommandLine) origins[`layers.${pattern}`] = 'command line'
  return [...fromFile, ...fromCommandLine]
}

function mergeEvaluation(
  commandLine: CommandLineSettings,
  file: Settings,
  presetMaxDrop: number | undefined,
  origins: Record<string, Origin>,
): readonly ResolvedEvaluation[] {
  const pick = picker(origins)
  const sets = pick('evaluation', commandLine.evaluation, file.evaluation, undefined, [])
  return sets.map((set: EvaluationSettings, index) => {
    const path = `evaluation[${index}]`
    return {
      data: set.data,
      limit: pick(`${path}.limit`, commandLine.limit, set.limit, undefined, null),
      maxDrop: pick(
        `${path}.maxDrop`,
        commandLine.maxDrop,
        set.maxDrop,
        presetMaxDrop,
        defaults.maxDrop,
      ),
      minRetained: pick(
        `${path}.minRetained`,
        undefined,
        set.minRetained,
        undefined,
        defaults.minRetained,
      ),
    }
  })
}
