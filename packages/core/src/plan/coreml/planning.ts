import type { Planning } from '../planning-types.ts'
import { algorithm } from '../rules/algorithm.ts'
import { protect } from '../rules/protect.ts'
import { depthwise } from './depthwise.ts'
import { divisors } from './divisors.ts'
import { kinds } from './kinds.ts'
import { packageFindings } from './package-findings.ts'
import { plannedWeights } from './planned-weights.ts'
import { beyondHalf, ranges } from './ranges.ts'
import { sharedAxes } from './shared-axes.ts'
import { systems } from './systems.ts'
import { units } from './units.ts'
import { worth } from './worth.ts'

/** Core ML packages. */
export const COREML_PLANNING: Planning = {
  rules: [
    protect,
    depthwise,
    units,
    kinds,
    systems,
    divisors,
    ranges,
    worth,
    sharedAxes,
    algorithm,
  ],
  layersOf: plannedWeights,
  beyondHalf,
  findingsOf: packageFindings,
}
