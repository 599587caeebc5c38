/** The oldest system that a package is written for. */
export const COREML_TARGETS = ['coreml-ios16', 'coreml-ios17', 'coreml-ios18'] as const

export type CoremlTarget = (typeof COREML_TARGETS)[number]

/**
 * The specification version that each system introduced, and reads up to: iOS 16 is version 7 with
 * the operator set CoreML6, iOS 17 version 8 (CoreML7), iOS 18 version 9 (CoreML8).
 *
 * @see https://github.com/apple/coremltools/blob/main/mlmodel/format/Model.proto
 */
export const COREML_SPECS: Readonly<Record<CoremlTarget, number>> = {
  'coreml-ios16': 7,
  'coreml-ios17': 8,
  'coreml-ios18': 9,
}

/** The first specification version with ML Programs: iOS 15. */
export const FIRST_PROGRAM_SPEC = 6

/** The newest specification version that Mixbit knows: iOS 26. */
export const NEWEST_SPEC = 10

/** From here on there are compressed weights, as attributes of operations. */
export const ATTRIBUTES_SPEC: number = COREML_SPECS['coreml-ios16']

/** From here on they are inputs of operations, with blocks, groups and 4-bit integers. */
export const INPUTS_SPEC: number = COREML_SPECS['coreml-ios18']
