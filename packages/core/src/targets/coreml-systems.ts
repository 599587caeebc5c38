import { COREML_SPECS, COREML_TARGETS } from './coreml-versions.ts'
import type { CoremlTarget } from './coreml-versions.ts'

/** https://apple.github.io/coremltools/mlmodel/Format/Model.html */
const SYSTEMS: Readonly<Record<number, { readonly ios: string; readonly macos: string }>> = {
  6: { ios: 'iOS 15', macos: 'macOS 12' },
  7: { ios: 'iOS 16', macos: 'macOS 13' },
  8: { ios: 'iOS 17', macos: 'macOS 14' },
  9: { ios: 'iOS 18', macos: 'macOS 15' },
  10: { ios: 'iOS 26', macos: 'macOS 26' },
}

/** The first system that reads a specification version, for people. */
export function systemOfSpec(spec: number): string {
  return SYSTEMS[spec]?.ios ?? `specification version ${spec}`
}

/** The first systems of phones and of computers that read a specification version, for people. */
export function systemsOfSpec(spec: number): string {
  const systems = SYSTEMS[spec]
  return systems === undefined ? 'a newer system' : `${systems.ios} or ${systems.macos}`
}

/** The oldest target that reads a specification version; the newest there is for later ones. */
export function lowestTarget(spec: number): CoremlTarget {
  return COREML_TARGETS.find((target) => COREML_SPECS[target] >= spec) ?? 'coreml-ios18'
}
