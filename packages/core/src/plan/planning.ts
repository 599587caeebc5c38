import type { Target } from '../config/settings.ts'
import { COREML_PLANNING } from './coreml/planning.ts'
import { ONNX_PLANNING } from './onnx-planning.ts'
import type { Planning } from './planning-types.ts'

/** Targets whose files have the same forms. */
export type TargetFamily = 'onnx' | 'coreml'

const FAMILIES: Readonly<Record<Target, TargetFamily>> = {
  'transformers-js': 'onnx',
  onnx: 'onnx',
  'coreml-ios16': 'coreml',
  'coreml-ios17': 'coreml',
  'coreml-ios18': 'coreml',
}

const PLANNINGS: Readonly<Record<TargetFamily, Planning>> = {
  onnx: ONNX_PLANNING,
  coreml: COREML_PLANNING,
}

/** The family of a target. */
export function familyOf(target: Target): TargetFamily {
  return FAMILIES[target]
}

/** How weights are planned for a target. */
export function planningFor(target: Target): Planning {
  return PLANNINGS[FAMILIES[target]]
}
