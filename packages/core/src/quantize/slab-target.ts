import type { WeightSpec } from '../algorithms/encode-weight.ts'
import type { LayerAlgorithm } from '../config/settings.ts'
import type { CoremlForm } from '../formats/coreml/form-types.ts'
import type { Scheme } from '../scheme/scheme.ts'

/** How a weight of a package is to be stored. Plain data, sent to a worker. */
export type SlabTarget = {
  readonly layer: string
  readonly form: CoremlForm
  readonly scheme: Scheme
  readonly algorithm: LayerAlgorithm
  readonly outputAxis: number
  readonly inputAxis: number
  /** Whether its values are stored in float16 today. */
  readonly halves: boolean
}

/** What is chosen for all slabs of a weight: its scales, its table, the step of its tables. */
export type SharedParts = Pick<WeightSpec, 'scale' | 'step' | 'table' | 'tableCodes' | 'zeroPoint'>
