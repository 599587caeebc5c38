import { isConstant } from './chain.ts'
import type { Operation } from './generated/coreml_pb.ts'
import type { Definition, ProgramWalk } from './program.ts'

/**
 * Constants that only `removed` operations read, and so on: what nothing needs once those are gone.
 * Each is told of only when all its readers are.
 */
export function unneededConstants(
  { definitions }: ProgramWalk,
  removed: ReadonlySet<Operation>,
): ReadonlySet<Operation> {
  const unneeded = new Set<Operation>()
  const isGone = ({ readers, isReturned }: Definition): boolean =>
    !isReturned &&
    readers.length > 0 &&
    readers.every(({ operation }) => removed.has(operation) || unneeded.has(operation))
  const given = new Map<Operation, Definition[]>()
  for (const definition of definitions) {
    const { type } = definition.operation
    if (!isConstant(type)) continue
    const own = given.get(definition.operation)
    if (own === undefined) given.set(definition.operation, [definition])
    else own.push(definition)
  }
  // Readers come after what they read.
  for (const [operation, own] of [...given].toReversed()) {
    if (removed.has(operation)) continue
    const isRead = own.some(({ readers }) => readers.length > 0)
    const isUnread = own.every((each) => each.readers.length === 0 || isGone(each))
    if (isRead && isUnread && !own.some(({ isReturned }) => isReturned)) unneeded.add(operation)
  }
  return unneeded
}
