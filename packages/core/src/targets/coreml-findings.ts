import type { Finding } from '../base/finding.ts'
import type { Scheme } from '../scheme/scheme.ts'
import type { ComputeUnit, DeviceFinding } from './coreml-devices.ts'
import { storedRule } from './coreml-devices.ts'
import type { ProgramRule, ProgramRuleName } from './coreml-program-rules.ts'
import { PROGRAM_RULES } from './coreml-program-rules.ts'
import { storedFacets } from './stored-facets.ts'

/** A weight as it is, or will be, stored. */
export type StoredWeight = {
  readonly layer: string
  readonly scheme: Scheme
  /** What its operators compute in; float16 when it is not said. */
  readonly computes?: 'float16' | 'float32' | undefined
}

/** What is told when nobody said what a model will run on: most want the Neural Engine. */
const DEFAULT_UNIT: ComputeUnit = 'ane'

/** What the chosen unit, or the Neural Engine, makes of weights: one finding a rule that has one. */
export function storedFindings(
  weights: readonly StoredWeight[],
  unit: ComputeUnit | null,
): readonly Finding[] {
  const found = new Map<
    string,
    { text: string; rule: DeviceFinding; source: string; layers: string[] }
  >()
  const chosen = unit ?? DEFAULT_UNIT
  for (const { layer, scheme, computes } of weights) {
    // What computes in float32 was never on the Neural Engine, whatever its weights are.
    if (chosen === 'ane' && computes === 'float32') continue
    for (const facet of storedFacets(scheme)) {
      const rule = storedRule(chosen, facet)
      if (rule?.finding === undefined) continue
      const { what, text, finding, sources } = rule
      const known = found.get(finding.code)
      if (known === undefined) {
        const source = sources[0] ?? ''
        found.set(finding.code, { text: `${what} ${text}`, rule: finding, source, layers: [layer] })
      } else known.layers.push(layer)
    }
  }
  return [...found.values()].map(({ text, rule, source, layers }) =>
    deviceFinding(rule, `${text}: ${counted(layers)}`, source),
  )
}

/** Facts of a whole package that rules of programs are about. */
export type ProgramFacts = {
  /** Layers with a dimension beyond the limit of the Neural Engine's. */
  readonly largeDimension: readonly string[]
  /** Values with more dimensions than Core ML takes. */
  readonly highRank: readonly string[]
  /** Weight files that are too large. */
  readonly manyBytes: readonly string[]
  /** Layers whose operators compute in float32. */
  readonly float32: readonly string[]
  /** Recurrent operations. */
  readonly recurrent: readonly string[]
  /** Layers with signed codes where devices read them wrong. */
  readonly signedCodes: readonly string[]
}

/**
 * What is known of a program: one finding a rule that speaks of the unit, or of any when none is chosen.
 *
 * @param options - how the remedy of a rule is asked for on the command line
 */
export function programFindings(
  facts: ProgramFacts,
  unit: ComputeUnit | null,
  options: Readonly<Partial<Record<ProgramRuleName, string>>> = {},
): readonly Finding[] {
  return PROGRAM_RULE_NAMES.flatMap((name) => {
    const rule: ProgramRule = PROGRAM_RULES[name]
    const names = facts[name]
    if (names.length === 0 || (unit !== null && !rule.units.includes(unit))) return []
    const text = `${rule.text.charAt(0).toUpperCase()}${rule.text.slice(1)}: ${counted(names)}`
    const { finding, sources } = rule
    const option = options[name]
    const remedy = option === undefined ? finding.remedy : `${finding.remedy} Here: ${option}`
    return [deviceFinding({ ...finding, remedy }, text, sources[0] ?? '')]
  })
}

const PROGRAM_RULE_NAMES: readonly ProgramRuleName[] = [
  'highRank',
  'signedCodes',
  'manyBytes',
  'largeDimension',
  'float32',
  'recurrent',
]

function deviceFinding(
  { code, severity, remedy }: DeviceFinding,
  text: string,
  source: string,
): Finding {
  return { code, severity, message: `${text}. ${remedy} (${source})` }
}

/** `"a"`, or `12, the first "a"`. */
function counted(names: readonly string[]): string {
  const [first = ''] = names
  return names.length === 1 ? `"${first}"` : `${names.length}, the first "${first}"`
}
