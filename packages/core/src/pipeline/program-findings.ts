import type { WeightFacts } from '../audit/audit-types.ts'
import { packageFacts } from '../audit/package-facts.ts'
import type { Finding } from '../base/finding.ts'
import { layerOptions } from '../config/layer-options.ts'
import type { CoremlDocument } from '../formats/coreml/document.ts'
import type { ProgramWalk } from '../formats/coreml/program.ts'
import type { Plan } from '../plan/plan-types.ts'
import type { ComputeUnit } from '../targets/coreml-devices.ts'
import { programFindings } from '../targets/coreml-findings.ts'
import type { ProgramFacts } from '../targets/coreml-findings.ts'
import { PROGRAM_RULES } from '../targets/coreml-program-rules.ts'

/** A package, walked, with the facts of its weights. */
type WalkedPackage = {
  readonly document: CoremlDocument
  readonly walk: ProgramWalk
  readonly weights: readonly WeightFacts[]
}

/** What devices make of a package as it is. */
export function auditedProgram(
  { document, walk, weights }: WalkedPackage,
  unit: ComputeUnit | null,
): readonly Finding[] {
  return told(packageFacts(document, walk, weights), weights, unit)
}

/** What devices will make of the package that a plan gives: some of it depends on how weights are stored. */
export function plannedProgram(
  { document, walk, weights }: WalkedPackage,
  plan: Plan,
  unit: ComputeUnit | null,
): readonly Finding[] {
  const facts = packageFacts(document, walk, weights)
  const kept = new Set(plan.layers.filter((layer) => layer.kept === true).map(({ layer }) => layer))
  const before = weights.reduce((sum, { bytes }) => sum + bytes, 0)
  const files = [...document.blobFiles.values()]
  const after = files.reduce((sum, { source }) => sum + source.sizeInBytes, plan.bytes - before)
  const planned: ProgramFacts = {
    ...facts,
    signedCodes: facts.signedCodes.filter((layer) => kept.has(layer)),
    manyBytes: after > (PROGRAM_RULES.manyBytes.limit ?? 0) ? facts.manyBytes : [],
  }
  return told(planned, weights, unit)
}

function told(
  facts: ProgramFacts,
  weights: readonly WeightFacts[],
  unit: ComputeUnit | null,
): readonly Finding[] {
  const options = facts.signedCodes.length === 0 ? {} : { signedCodes: storedAgain(facts, weights) }
  return programFindings(facts, unit, options)
}

/** The options that store just these weights as what they are. */
function storedAgain({ signedCodes }: ProgramFacts, weights: readonly WeightFacts[]): string {
  const all = weights.map(({ layer }) => layer)
  const concerned = new Set(signedCodes)
  const byPrecision = new Map<string, string[]>()
  for (const { layer, stored } of weights) {
    if (stored === undefined || !concerned.has(layer)) continue
    const names = byPrecision.get(stored.precision) ?? []
    names.push(layer)
    byPrecision.set(stored.precision, names)
  }
  return [...byPrecision].map(([name, layers]) => layerOptions(layers, name, all)).join(' ')
}
