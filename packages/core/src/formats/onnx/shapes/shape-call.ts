import type { NodeProto } from '../generated/onnx_pb.ts'
import { attributeOf } from '../opset/node-edit.ts'

/** Sizes of a tensor; null where one is not known before running. */
export type Shape = readonly (number | null)[]

/** A node with what is known of its inputs. */
export type ShapeCall = {
  readonly node: NodeProto
  readonly shape: (input: number) => Shape | undefined
  /** The numbers of a small input; null where one is not known. */
  readonly values: (input: number) => Shape | undefined
}

/** Shapes of the outputs; `undefined` where nothing is known. */
export type ShapeRule = (call: ShapeCall) => readonly (Shape | undefined)[]

/** Sizes that fit each other, as NumPy broadcasts them. */
export function broadcast(shapes: readonly (Shape | undefined)[]): Shape | undefined {
  const known = shapes.flatMap((shape) => (shape === undefined ? [] : [shape]))
  if (known.length < shapes.length || known.length === 0) return undefined
  const rank = Math.max(...known.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = known.map(
      (shape) => shape[shape.length - rank + axis] ?? (shape.length < rank - axis ? 1 : null),
    )
    const wide = sizes.filter((size) => size !== 1)
    return wide.length === 0 ? 1 : (wide.find((size) => size !== null) ?? null)
  })
}

export function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis
}

export function intsOf(node: NodeProto, name: string): readonly number[] | undefined {
  return attributeOf(node, name)?.ints.map(Number)
}

/** Axes as an attribute, or as the input that newer sets have. */
export function axesOf(
  { node, values }: ShapeCall,
  input: number,
  rank: number,
): readonly number[] | undefined {
  const given = intsOf(node, 'axes') ?? (node.input[input] ? values(input) : undefined)
  if (given === undefined || given.some((axis) => axis === null)) return undefined
  return given.map((axis) => axisOf(axis ?? 0, rank))
}

export function times(...sizes: readonly (number | null)[]): number | null {
  return sizes.reduce<number | null>((a, b) => (a === null || b === null ? null : a * b), 1)
}
