import { MixbitError } from '../base/error.ts'
import type { ErrorCode } from '../base/error.ts'
import type { Emit } from '../base/events.ts'
import type { Finding } from '../base/finding.ts'
import type { Host, JobContext } from '../base/host.ts'
import { interleavedTimes } from '../compare/interleaved-times.ts'
import type { TimedRun } from '../compare/interleaved-times.ts'
import type {
  OptionName,
  OptionQuality,
  OptionRow,
  OptionsComparison,
} from '../compare/options-types.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import { mergeConfig } from '../config/merge-config.ts'
import type { Settings } from '../config/settings.ts'

/** Where options are made and measured. */
export type OptionsPlace = {
  /** Runs `work` with a pool of its own: the models that its threads load go with it. */
  readonly withHost: <Result>(work: (host: Host) => Promise<Result>) => Promise<Result>
  /** Of this thread: times are taken without messages between threads. */
  readonly context: JobContext
  /** An existing folder, for every option's files at once. */
  readonly scratch: string
  /** Seconds since any fixed moment. */
  readonly now: () => number
  readonly emit: Emit
}

export type OptionsRequest = {
  /** Path of an ONNX file, or of a checkpoint's folder. */
  readonly model: string
  readonly data: string
  /** Only the first samples; null for all. */
  readonly limit: number | null
  readonly calibration: ResolvedConfig['calibration']
  readonly seed: number
  /** Of accuracy and error; times are those of `device`. */
  readonly numerics: ResolvedConfig['numerics']
}

/** A way to quantize, as settings; null where this kind of model has none. */
export type OptionSettings = Readonly<
  Record<Exclude<OptionName, 'float'>, Settings | { readonly notAvailable: string }>
>

/** What an option was found to be. */
export type MeasuredOption = {
  readonly quality: OptionQuality
  readonly bytes: number
  readonly findings: readonly Finding[]
  /** Runs its graphs on a sample; taken when all options are there. */
  readonly run: TimedRun
}

/** How one kind of model is measured. */
export type OptionsMaker = {
  /** The name of the data set, and how many samples are used. */
  readonly data: string
  readonly samples: number
  readonly settings: OptionSettings
  readonly float: () => Promise<MeasuredOption>
  readonly quantized: (name: OptionName, config: ResolvedConfig) => Promise<MeasuredOption>
}

/** What an option can be refused with; any other error is about the model, the data or the machine. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'unsupported-scheme',
  'unsupported-target',
  'limit-exceeded',
  'runtime-failed',
])

/** Makes and measures the options one after another, then times them taking turns. */
export async function measureOptions(
  { now, emit }: OptionsPlace,
  request: OptionsRequest,
  maker: OptionsMaker,
): Promise<OptionsComparison> {
  const float = await maker.float()
  const found: [OptionName, MeasuredOption | string][] = [['float', float]]
  for (const name of ['int8', 'int4', 'mixed', 'dynamic'] as const) {
    const settings = maker.settings[name]
    const measured =
      'notAvailable' in settings
        ? settings.notAvailable
        : await orReason(() => maker.quantized(name, optionConfig(settings, request)))
    found.push([name, measured])
  }
  const measured = found.flatMap(([, option]) => (typeof option === 'string' ? [] : [option]))
  emit({ kind: 'stage', stage: 'measure times' })
  const seconds = await interleavedTimes(
    measured.map(({ run }) => run),
    now,
  )
  const times = new Map(measured.map((option, index) => [option, seconds[index]]))
  return {
    schema: 'mixbit/options@1',
    model: request.model,
    data: maker.data,
    samples: maker.samples,
    options: found.map(([name, option]) =>
      typeof option === 'string'
        ? notAvailable(name, option)
        : {
            name,
            bytes: option.bytes,
            ratio: float.bytes === 0 ? null : option.bytes / float.bytes,
            ...option.quality,
            milliseconds: 1000 * (times.get(option) ?? 0),
            status: 'measured',
            reason: null,
          },
    ),
    findings: withoutCopies(measured.flatMap(({ findings }) => findings)),
  }
}

/** An option starts from nothing but its own settings, so that all are made alike. */
function optionConfig(settings: Settings, request: OptionsRequest): ResolvedConfig {
  const { data, samples, sampling } = request.calibration
  const calibration = { ...(data !== null && { data }), samples, sampling }
  return mergeConfig({ ...settings, calibration, seed: request.seed }, {})
}

async function orReason(make: () => Promise<MeasuredOption>): Promise<MeasuredOption | string> {
  try {
    return await make()
  } catch (error) {
    if (error instanceof MixbitError && REFUSALS.has(error.code)) return error.message
    throw error
  }
}

function notAvailable(name: OptionName, reason: string): OptionRow {
  return {
    name,
    bytes: null,
    ratio: null,
    ...NOTHING_MEASURED,
    milliseconds: null,
    status: 'not-available',
    reason,
  }
}

/** Nothing is known of how good an option is. */
export const NOTHING_MEASURED: OptionQuality = {
  metric: null,
  value: null,
  low: null,
  high: null,
  sqnrDb: null,
  top1Agreement: null,
}

function withoutCopies(findings: readonly Finding[]): readonly Finding[] {
  return [...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values()]
}
