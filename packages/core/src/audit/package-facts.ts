import { isConstant } from '../formats/coreml/chain.ts'
import type { CoremlDocument } from '../formats/coreml/document.ts'
import type { Operation } from '../formats/coreml/generated/coreml_pb.ts'
import type { ProgramWalk } from '../formats/coreml/program.ts'
import { PROGRAM_RULES } from '../targets/coreml-program-rules.ts'
import type { ProgramFacts } from '../targets/coreml-findings.ts'
import type { WeightFacts } from './audit-types.ts'

/** Operations that run once a time step. */
const RECURRENT: ReadonlySet<string> = new Set(['gru', 'lstm', 'rnn'])

/** Values that operators hand on in 8 bits: what `quantize` gives, in all functions. */
export function int8Activations({ operations }: ProgramWalk): number {
  return operations.filter(({ operation: { type } }) => type === 'quantize').length
}

/** What rules of devices are about, in a package. */
export function packageFacts(
  { blobFiles }: CoremlDocument,
  { operations }: ProgramWalk,
  weights: readonly WeightFacts[],
): ProgramFacts {
  const all = operations.map(({ operation }) => operation)
  return {
    largeDimension: largeDimensions(weights),
    highRank: all.filter(({ type }) => !isConstant(type)).flatMap(highRanks),
    manyBytes: [...blobFiles.values()]
      .filter(({ source }) => source.sizeInBytes > (PROGRAM_RULES.manyBytes.limit ?? 0))
      .map(({ path }) => path),
    float32: computedInFloat32(weights),
    recurrent: all.filter(({ type }) => RECURRENT.has(type)).map(nameOf),
    signedCodes: weights
      .filter(({ stored }) => stored?.hasSignedCodes === true)
      .map(({ layer }) => layer),
  }
}

/** A table may have as many rows as it likes: looking up runs elsewhere anyway. */
function largeDimensions(weights: readonly WeightFacts[]): readonly string[] {
  const limit = PROGRAM_RULES.largeDimension.limit ?? 0
  return weights
    .filter(({ role, outputAxis }) => role !== 'embedding' && outputAxis !== null)
    .filter(({ shape }) => shape.some((size) => size > limit))
    .map(({ layer }) => layer)
}

function computedInFloat32(weights: readonly WeightFacts[]): readonly string[] {
  return weights
    .filter(({ outputAxis, stored }) => outputAxis !== null && stored?.computes === 'float32')
    .map(({ layer }) => layer)
}

/** Of what is computed: tables of palettes have two dimensions more than their weights. */
function highRanks({ outputs }: Operation): readonly string[] {
  const limit = PROGRAM_RULES.highRank.limit ?? 0
  return outputs
    .filter(({ type }) => type?.type.case === 'tensorType' && Number(type.type.value.rank) > limit)
    .map(({ name }) => name)
}

function nameOf({ outputs }: Operation): string {
  return outputs[0]?.name ?? ''
}
