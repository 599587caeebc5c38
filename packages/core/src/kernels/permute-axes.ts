import { elementsOf } from '../tensor/weight.ts'
import { requireFit } from './fit.ts'

/** An array of one kind, for functions that only move values. */
type Values = Float32Array | Int8Array | Uint8Array

/** An axis of the result: how many values, and how far apart they lie in the source and the result. */
type Axis = { readonly size: number; readonly from: number; readonly to: number }

/** Values on each side of the squares in which a transpose runs, so that its lines stay in cache. */
const TILE = 32

/**
 * Moves axes: axis k of the result is axis `order[k]` of `x`, row-major both. What
 * numpy.transpose does.
 *
 * @param out - as many values as `x`
 * @param shape - of `x`
 */
export function permuteAxes<Kind extends Values>(
  out: Kind,
  x: Kind,
  shape: readonly number[],
  order: readonly number[],
): void {
  requireFit(
    elementsOf(shape) === x.length && out.length === x.length,
    `${x.length} values of ${shape.join(' x ')} into ${out.length}`,
  )
  const axes = mergedAxes(shape, order)
  if (axes === null) {
    out.set(x)
    return
  }
  // Lines along the axis that is dense in the source, and along the one that is dense in the result.
  const line = axes.find((axis) => axis.from === 1)!
  const column = axes.find((axis) => axis.to === 1)!
  const outer = axes.filter((axis) => axis !== line && axis !== column)
  for (const [from, to] of starts(outer)) {
    if (line === column) copyLine(out, x, from, to, line.size)
    else copyPlane(out, x, from, to, line, column)
  }
}

function copyLine(out: Values, x: Values, from: number, to: number, size: number): void {
  for (let i = 0; i < size; i++) out[to + i] = x[from + i]!
}

/** Copies a plane whose lines are dense in the source, and whose columns are dense in the result. */
function copyPlane(
  out: Values,
  x: Values,
  from: number,
  to: number,
  line: Axis,
  column: Axis,
): void {
  for (let j0 = 0; j0 < column.size; j0 += TILE) {
    const j1 = Math.min(j0 + TILE, column.size)
    for (let i0 = 0; i0 < line.size; i0 += TILE) {
      const i1 = Math.min(i0 + TILE, line.size)
      for (let i = i0; i < i1; i++) {
        let source = from + i + j0 * column.from
        const target = to + i * line.to
        for (let j = j0; j < j1; j++) {
          out[target + j] = x[source]!
          source += column.from
        }
      }
    }
  }
}

/** Where each line or plane begins in the source and in the result. */
function* starts(axes: readonly Axis[]): Generator<readonly [number, number]> {
  const counters = axes.map(() => 0)
  let from = 0
  let to = 0
  for (;;) {
    yield [from, to]
    let axis = axes.length - 1
    for (; axis >= 0; axis--) {
      const { size, from: fromStep, to: toStep } = axes[axis]!
      from += fromStep
      to += toStep
      if (++counters[axis]! < size) break
      from -= size * fromStep
      to -= size * toStep
      counters[axis] = 0
    }
    if (axis < 0) return
  }
}

/**
 * The axes of the result, those that stay together as one and those of one value left out; null
 * when nothing moves.
 */
function mergedAxes(shape: readonly number[], order: readonly number[]): readonly Axis[] | null {
  requireFit(isPermutation(order, shape.length), `axes ${order.join(', ')} of ${shape.length}`)
  const groups: number[][] = []
  for (const axis of order) {
    if (shape[axis] === 1) continue
    const last = groups.at(-1)
    const follows = last !== undefined && isNext(shape, last.at(-1)!, axis)
    if (follows) last.push(axis)
    else groups.push([axis])
  }
  if (groups.length <= 1 || elementsOf(shape) === 0) return null
  let to = elementsOf(shape)
  return groups.map((group) => {
    const size = elementsOf(group.map((axis) => shape[axis]!))
    to /= size
    return { size, from: elementsOf(shape.slice(group.at(-1)! + 1)), to }
  })
}

/** Whether only axes of one value lie between `axis` and the later `next`. */
function isNext(shape: readonly number[], axis: number, next: number): boolean {
  return next > axis && shape.slice(axis + 1, next).every((size) => size === 1)
}

function isPermutation(order: readonly number[], length: number): boolean {
  return order.length === length && order.toSorted((a, b) => a - b).every((axis, i) => axis === i)
}
