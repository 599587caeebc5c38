import type { Encoding } from '../../scheme/encoding.ts'
import type { WeightRole } from '../../operators/weight-role.ts'
import type { Weight } from '../../tensor/weight.ts'
import type { Chain } from './chain.ts'
import type { BlobFile } from './blob-index.ts'
import type { CoremlOperation } from './form-types.ts'
import type { Model } from './generated/coreml_pb.ts'
import type { PackageManifest } from './manifest.ts'
import type { HighestSpec } from './raise-opset.ts'
import type { StoredForm } from './stored-form.ts'

/**
 * An ML Program package as it is. `model` is the decoded protobuf (fields we do not know are carried
 * in `$unknown`); weight files are indexed, not read.
 */
export type CoremlDocument = {
  readonly format: 'coreml'
  readonly model: Model
  readonly manifest: PackageManifest
  /**
   * Files that are neither manifest, program nor weight file: paths inside the package, sorted. Other names
   * that links give to a file are left out.
   */
  readonly otherFiles: readonly string[]
  readonly emptyFolders: readonly string[]
  /** By the name that values call them: `@model_path/weights/weight.bin`. */
  readonly blobFiles: ReadonlyMap<string, BlobFile>
  /** Float weights by layer name, in program order. */
  readonly weights: ReadonlyMap<string, CoremlWeight>
  /** Where the values of each weight are made, for who puts others there. */
  readonly sites: ReadonlyMap<string, WeightSites>
  /** The specification version of the newest operator set that a function uses. */
  readonly spec: number
  /** How far that can be raised. */
  readonly highestSpec: HighestSpec
}

/** How a weight is made, and where. */
export type WeightSites = {
  readonly chain: Chain
  readonly form: StoredForm
  /** Operations whose first output is the weight, by their numbers in the order of the program. */
  readonly operations: readonly number[]
  /** Whether one of them is written as iOS 16 has it and iOS 18 does not. */
  readonly isOldStyle: boolean
}

/** One weight: a `const`, or what a chain of `constexpr_` operations gives. */
export type CoremlWeight = {
  /** The value that operators read; with the function before it (`prefill/w`) where functions differ. */
  readonly name: string
  /** Dense values as float32, decoded from what is stored; computed on each read. */
  readonly weight: Weight
  /** What its operators want. */
  readonly dtype: 'float16' | 'float32'
  readonly shape: readonly number[]
  readonly role: WeightRole
  /** Axis whose slices each make one output channel. Where no operator says so: 0, and 1 for inputs. */
  readonly outputAxis: number
  readonly inputAxis: number
  /** Who decided about the axes, where readers want different ones, in words; null where they agree. */
  readonly disagreement: string | null
  /** Why it can only stay as it is, in words; null when it can be compressed. */
  readonly whyFloat: string | null
  readonly stored: CoremlStored
  readonly uses: readonly CoremlUse[]
}

/** How a weight lies in the package today. */
export type CoremlStored = {
  /** In program order; `['const']` for plain values. */
  readonly ops: readonly CoremlOperation[]
  /** For people, as precision names are written where one fits: `fp16`, `int8/channel`, `palette4`. */
  readonly precision: string
  /** Bytes of all arrays, headers of blobs not counted. */
  readonly bytes: number
  /** Signed int8 in `constexpr_affine_dequantize`, which GPU and Neural Engine read wrong. */
  readonly hasSignedCodes: boolean
  /** The whole of it. */
  readonly readEncoding: () => Promise<Encoding>
}

/** One place that reads a weight. */
export type CoremlUse = {
  readonly function: string
  /** The type of the operation: `conv`. */
  readonly op: string
  /** The name of the operation's first output; '' when it has none. */
  readonly output: string
  /** The parameter: `weight`. */
  readonly input: string
}
