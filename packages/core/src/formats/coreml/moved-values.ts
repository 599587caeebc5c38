import type { ChainBuilder } from './chain.ts'
import type { Operation } from './generated/coreml_pb.ts'
import { movedPlaces } from './moved-places.ts'
import { PASSING, bindingsOf, integersOf } from './parameters.ts'
import type { Definition, Reader } from './program.ts'
import { staticTensor } from './value-types.ts'

/** Operations that change where values lie, but neither what they are nor, but for slices, how many. */
const MOVING: ReadonlySet<string> = new Set([
  'transpose',
  'reshape',
  'expand_dims',
  'squeeze',
  'slice_by_index',
  'slice_by_size',
  'split',
])

/** More such operations one behind another than programs have. */
const MAX_PASSES = 8

/** A value that comes from a weight. */
export type MovedValue = {
  readonly name: string
  readonly shape: readonly number[]
  /** The axis of the weight that each axis of the value is; null where that is not known. */
  readonly axes: readonly (number | null)[]
  /** Whether an operation moved it, not only passed it on. */
  readonly isMoved: boolean
}

/** Who reads a value of a weight, and how it lies there. */
export type MovedReader = { readonly reader: Reader; readonly value: MovedValue }

/** Whether an operation only hands a value on or moves it, by its type. */
export function isMoving(type: string): boolean {
  return PASSING.has(type) || MOVING.has(type)
}

/** Readers of a weight, seen through operations that only pass values on or move them. */
export function movedReaders(
  definition: Definition,
  shape: readonly number[],
  builder: ChainBuilder,
): readonly MovedReader[] {
  const axes = shape.map((_, axis) => axis)
  return readersOf(definition, { name: definition.name, shape, axes, isMoved: false }, builder, 0)
}

function readersOf(
  definition: Definition,
  value: MovedValue,
  builder: ChainBuilder,
  passes: number,
): readonly MovedReader[] {
  return definition.readers.flatMap((reader) => {
    const { operation } = reader
    const isPassed =
      passes < MAX_PASSES && reader.input === 'x' && handedOn(operation, builder) === definition
    const given = isPassed ? (builder.givenBy.get(operation) ?? []) : []
    const next = given.map((each) => ({ each, moved: movedBy(operation, each, value, builder) }))
    const isEnd = next.every(({ each, moved }) => each.readers.length === 0 || moved === undefined)
    if (isEnd) return [{ reader, value }]
    return next.flatMap(({ each, moved }) =>
      moved === undefined ? [] : readersOf(each, moved, builder, passes + 1),
    )
  })
}

/**
 * The value that an operation hands on. One that reads several hands none on: following all of them
 * through a few such operations would take time without end.
 */
function handedOn(operation: Operation, builder: ChainBuilder): Definition | null | undefined {
  if (!isMoving(operation.type)) return undefined
  const [binding, second] = bindingsOf(operation).get('x') ?? []
  if (binding?.case !== 'name' || second !== undefined) return undefined
  return builder.scopes.get(operation)?.scope.get(binding.value)
}

/** One output of an operation that hands `value` on; `undefined` when its shape is not known. */
function movedBy(
  operation: Operation,
  { name, output }: Definition,
  value: MovedValue,
  builder: ChainBuilder,
): MovedValue | undefined {
  if (PASSING.has(operation.type)) return { ...value, name }
  const shape = staticTensor(operation.outputs[output]?.type)?.shape
  if (shape === undefined) return undefined
  const integers = (parameter: string): readonly number[] | undefined =>
    integersOf(operation, parameter, builder)
  const places = movedPlaces(operation.type, integers, value.shape, shape)
  const axes = places.map((place) => (place === null ? null : (value.axes[place] ?? null)))
  return { name, shape, axes, isMoved: true }
}
