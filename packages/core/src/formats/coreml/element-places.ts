import { elementsOf } from '../../tensor/weight.ts'

/** Which block element `i` of a tensor lies in, when `counts` blocks lie along each axis. */
export function blockNumbers(
  shape: readonly number[],
  counts: readonly number[],
): (i: number) => number {
  const split = shape.flatMap((size, axis) => {
    const count = counts[axis] ?? 1
    const stride = elementsOf(shape.slice(axis + 1))
    const weight = elementsOf(counts.slice(axis + 1))
    return count === 1 ? [] : [{ size, stride, block: size / count, weight }]
  })
  return (i) => {
    let number = 0
    for (const { size, stride, block, weight } of split) {
      number += Math.floor((Math.floor(i / stride) % size) / block) * weight
    }
    return number
  }
}

/**
 * Where element `i` of a tensor comes from whose axis `axis` is `size` times as long as that of a
 * tensor of `shape`: which element of that, and which of its `size` values.
 */
export function narrowed(
  shape: readonly number[],
  axis: number,
  size: number,
): (i: number) => { readonly source: number; readonly component: number } {
  const inner = elementsOf(shape.slice(axis + 1))
  const wide = (shape[axis] ?? 1) * size
  return (i) => {
    const outer = Math.floor(i / (inner * wide))
    const along = Math.floor(i / inner) % wide
    const source = (outer * (wide / size) + Math.floor(along / size)) * inner + (i % inner)
    return { source, component: along % size }
  }
}
