import { attributeOf, intOf } from '../opset/node-edit.ts'
import type { ShapeRule } from './shape-call.ts'
import { axesOf, axisOf, intsOf, times } from './shape-call.ts'

export const transpose: ShapeRule = ({ node, shape }) => {
  const x = shape(0)
  const perm = intsOf(node, 'perm') ?? x?.map((_, axis) => x.length - 1 - axis)
  return [perm?.map((axis) => x?.[axis] ?? null)]
}

export const reshape: ShapeRule = ({ node, shape, values }) => {
  const x = shape(0)
  const target = intsOf(node, 'shape') ?? values(1)
  if (target === undefined) return []
  const keepsZero = intOf(node, 'allowzero') === 1
  const sizes = target.map((size, axis) => (size === 0 && !keepsZero ? (x?.[axis] ?? null) : size))
  if (!sizes.includes(-1)) return [sizes]
  const total = x === undefined ? null : times(...x)
  const others = times(...sizes.filter((size) => size !== -1))
  const rest = total === null || others === null || others === 0 ? null : total / others
  return [sizes.map((size) => (size === -1 ? rest : size))]
}

export const flatten: ShapeRule = ({ node, shape }) => {
  const x = shape(0)
  if (x === undefined) return []
  const axis = axisOf(intOf(node, 'axis') ?? 1, x.length)
  return [[times(...x.slice(0, axis)), times(...x.slice(axis))]]
}

export const squeeze: ShapeRule = (call) => {
  const x = call.shape(0)
  if (x === undefined) return []
  const hasAxes = attributeOf(call.node, 'axes') !== undefined || Boolean(call.node.input[1])
  const axes = axesOf(call, 1, x.length)
  if (hasAxes && axes === undefined) return []
  return [x.filter((size, axis) => (axes === undefined ? size !== 1 : !axes.includes(axis)))]
}

export const unsqueeze: ShapeRule = (call) => {
  const x = call.shape(0)
  const count = (intsOf(call.node, 'axes') ?? call.values(1))?.length ?? 0
  const axes = x === undefined ? undefined : axesOf(call, 1, x.length + count)
  if (x === undefined || axes === undefined) return []
  const rest = [...x]
  return [
    Array.from({ length: x.length + count }, (_, at) =>
      axes.includes(at) ? 1 : (rest.shift() ?? null),
    ),
  ]
}

export const concat: ShapeRule = ({ node, shape }) => {
  const shapes = node.input.map((_, at) => shape(at))
  const [first] = shapes
  if (first === undefined) return []
  const axis = axisOf(intOf(node, 'axis') ?? 1, first.length)
  const sizes = shapes.map((each) => each?.[axis] ?? null)
  const sum = sizes.reduce<number | null>((a, b) => (a === null || b === null ? null : a + b), 0)
  return [
    first.map((size, at) =>
      at === axis
        ? sum
        : (size ?? shapes.map((s) => s?.[at] ?? null).find((each) => each !== null) ?? null),
    ),
  ]
}

export const split: ShapeRule = ({ node, shape, values }) => {
  const x = shape(0)
  if (x === undefined) return []
  const axis = axisOf(intOf(node, 'axis') ?? 0, x.length)
  const given = intsOf(node, 'split') ?? (node.input[1] ? values(1) : undefined)
  const count = node.output.length
  const whole = x[axis] ?? null
  const even = whole === null ? null : Math.ceil(whole / count)
  return node.output.map((_, at) => {
    const last = even === null || whole === null ? null : Math.min(even, whole - even * at)
    return x.map((size, i) =>
      i === axis ? (given === undefined ? last : (given[at] ?? null)) : size,
    )
  })
}

export const slice: ShapeRule = (call) => {
  const { node, shape, values } = call
  const x = shape(0)
  const starts = intsOf(node, 'starts') ?? values(1)
  const ends = intsOf(node, 'ends') ?? values(2)
  if (x === undefined || starts === undefined || ends === undefined) return []
  const axes = axesOf(call, 3, x.length) ?? starts.map((_, at) => at)
  const steps = node.input[4] ? values(4) : starts.map(() => 1)
  return [
    x.map((size, axis) => {
      const at = axes.indexOf(axis)
      return at < 0
        ? size
        : slicedSize(size, starts[at] ?? null, ends[at] ?? null, steps?.[at] ?? null)
    }),
  ]
}

function slicedSize(
  size: number | null,
  start: number | null,
  end: number | null,
  step: number | null,
): number | null {
  if (size === null || start === null || end === null || step === null || step === 0) return null
  const clamp = (at: number, least: number, most: number): number =>
    Math.max(least, Math.min(most, at < 0 ? at + size : at))
  const [from, to] =
    step > 0
      ? [clamp(start, 0, size), clamp(end, 0, size)]
      : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)]
  return Math.max(0, Math.ceil((to - from) / step))
}

export const gather: ShapeRule = ({ node, shape }) => {
  const [x, indices] = [shape(0), shape(1)]
  if (x === undefined || indices === undefined) return []
  const axis = axisOf(intOf(node, 'axis') ?? 0, x.length)
  return [[...x.slice(0, axis), ...indices, ...x.slice(axis + 1)]]
}
