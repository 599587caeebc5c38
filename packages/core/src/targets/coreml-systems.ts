import { COREML_SPECS, COREML_TARGETS } from './coreml-versions.ts'
import type { CoremlTarget } from './coreml-versions.ts'

const SYSTEMS: Readonly<Record<number, string>> = {
  6: 'iOS 15',
  7: 'iOS 16',
  8: 'iOS 17',
  9: 'iOS 18',
  10: 'iOS 26',
}

/** The first system that reads a specification version, for people. */
export function systemOfSpec(spec: number): string {
  return SYSTEMS[spec] ?? `specification version ${spec}`
}

/** The oldest target that reads a specification version; the newest there is for later ones. */
export function lowestTarget(spec: number): CoremlTarget {
  return COREML_TARGETS.find((target) => COREML_SPECS[target] >= spec) ?? 'coreml-ios18'
}
