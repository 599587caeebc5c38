import { chainOf } from '../chain.ts'
import type { Chain, ChainBuilder } from '../chain.ts'
import { chainTypes } from '../chain-types.ts'
import { describeChain } from '../describe-chain.ts'
import { keptBefore } from '../kept-index.ts'
import type { ProgramWalk } from '../program.ts'
import type { StoredSparse } from '../stored-form.ts'
import { staticTensor } from '../value-types.ts'
import type { StaticTensor } from '../value-types.ts'
import { elementsOf } from '../../../tensor/weight.ts'
import { refusal } from './structure-check.ts'

/**
 * Constants whose parts do not fit, whose result is not what they say (which coremltools does not see),
 * whose masks keep another number of values than are stored.
 */
export async function constantProblems(
  walk: ProgramWalk,
  builder: ChainBuilder,
): Promise<readonly string[]> {
  const problems: string[] = []
  const masks = new Set<string>()
  for (const definition of walk.definitions) {
    try {
      const chain = chainOf(builder, definition)
      if (chain === undefined) continue
      problems.push(...typeProblems(chain, definition.output))
      if (definition.output > 0) continue
      problems.push(...heldProblems(chain))
      const form = describeChain(chain)
      if (form?.kind === 'sparse' && isNew(masks, form)) await keptBefore(form, 0)
    } catch (error) {
      problems.push(refusal(error))
    }
  }
  return problems
}

/** Masks may be large, and many weights may share one. */
function isNew(masks: Set<string>, { mask, kept }: StoredSparse): boolean {
  if (mask.place === null) return true
  const key = `${mask.place.offset}:${kept}@${mask.place.file}`
  if (masks.has(key)) return false
  masks.add(key)
  return true
}

function typeProblems(chain: Chain, output: number): readonly string[] {
  const name = chain.operation.outputs[output]?.name ?? ''
  const types = chainTypes(chain)
  if (output >= types.length) return [`"${name}": ${chain.op} has ${types.length} outputs.`]
  const found = types[output]
  const declared = chain.outputs[output]
  if (found === undefined || isEqual(found, declared)) return []
  return [
    `"${name}": ${chain.op} gives ${described(found)}, and says that it gives ${described(declared)}.`,
  ]
}

function isEqual(a: StaticTensor, b: StaticTensor | undefined): boolean {
  return b !== undefined && a.dtype === b.dtype && a.shape.join() === b.shape.join()
}

function described(type: StaticTensor | undefined): string {
  return type === undefined ? 'something else' : `${type.dtype} [${type.shape.join(', ')}]`
}

/** A value that its own field cannot hold. */
function heldProblems(chain: Chain): readonly string[] {
  if (chain.op !== 'const') return []
  const input = chain.inputs.get('val')
  const name = chain.operation.outputs[0]?.name ?? ''
  if (input?.kind !== 'value') return [`"${name}": a constant without a value.`]
  const type = staticTensor(input.value.type)
  if (type === undefined || type.dtype === 'string' || input.array !== undefined) return []
  if (elementsOf(type.shape) === 0) return []
  return [`"${name}": a constant of ${described(type)} without values of that type.`]
}
