import type { ComputeUnit } from '../targets/coreml-devices.ts'
import type { LayerRule } from './patterns.ts'

/** What quantizes values after the plan has decided their precision. */
export const ALGORITHMS = ['round', 'mse'] as const

/** What chooses the entries of a palette. */
export const PALETTE_RULES = ['kmeans', 'uniform', 'unique'] as const

export type PaletteRule = (typeof PALETTE_RULES)[number]

export type Algorithm = (typeof ALGORITHMS)[number]

/** What a plan says of how the values of a weight were chosen. */
export type LayerAlgorithm = Algorithm | PaletteRule

/** How evaluation computes: with the decoded weights, or as the runtime does on a device. */
export const NUMERICS = ['faithful', 'device'] as const

export type Numerics = (typeof NUMERICS)[number]

/** Which calibration samples are taken: evenly over file order, or a varied choice by what the model makes of them. */
export const SAMPLINGS = ['spread', 'diverse'] as const

export type Sampling = (typeof SAMPLINGS)[number]

/** Where packages can be written for, today. */
export const TARGETS = [
  'transformers-js',
  'onnx',
  'coreml-ios16',
  'coreml-ios17',
  'coreml-ios18',
] as const

export type Target = (typeof TARGETS)[number]

/** Targets that Mixbit knows by name but does not write yet. */
export const PLANNED_TARGETS: readonly string[] = ['litert']

export const PRESET_NAMES = [
  'mobile_optimized',
  'balanced',
  'quality_focused',
  'ultra_fast',
] as const

export type PresetName = (typeof PRESET_NAMES)[number]

/** One set of questions that a model must do well on. */
export type EvaluationSettings = {
  /** Path of a dataset descriptor. */
  readonly data: string
  /** Evaluates only the first this many samples. */
  readonly limit?: number
  /** The largest accepted loss of accuracy, a fraction: 0.03 is three points. */
  readonly maxDrop?: number
  /** The smallest accepted share of the float model's accuracy, a fraction. */
  readonly minRetained?: number
}

/** What one source, such as a config file, asks for. What it leaves out comes from the next source. */
export type Settings = {
  readonly model?: string
  readonly target?: Target
  readonly preset?: PresetName
  /** Precision name of every weight. */
  readonly precision?: string
  /** Precision name of each component. */
  readonly components?: Readonly<Record<string, string>>
  readonly layers?: readonly LayerRule[]
  readonly algorithm?: LayerAlgorithm
  /** What operations of a Core ML package will run on. */
  readonly computeUnit?: ComputeUnit
  /** Keep stem, last and small weights one step more precise. */
  readonly protect?: boolean
  readonly seed?: number
  readonly numerics?: Numerics
  readonly calibration?: {
    readonly data?: string
    readonly samples?: number
    readonly sampling?: Sampling
  }
  readonly evaluation?: readonly EvaluationSettings[]
  /** `size` in bytes: the most that the written model files may take. */
  readonly budget?: { readonly size?: number }
}

/** The command line also sets one limit and one accepted loss for all evaluation sets. */
export type CommandLineSettings = Settings & {
  readonly limit?: number
  readonly maxDrop?: number
}
