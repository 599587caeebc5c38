import { ensure, MixbitError } from '../../base/error.ts'
import type { Weight } from '../../tensor/weight.ts'
import { canonicalNames, releasedName } from './names.ts'

/** An expected size of an axis; `any` is at least 1. */
export type Size = number | 'any'

/** The tensors of a checkpoint by canonical name. Remembers which were taken. */
export type Tensors = {
  readonly has: (name: string) => boolean
  /** Whether a tensor's name starts with `<prefix>.`. */
  readonly hasUnder: (prefix: string) => boolean
  /** One more than the highest number N for which there is a tensor under `<prefix>.N`. */
  readonly countUnder: (prefix: string) => number
  /** Whether the tensor is there with exactly this shape. */
  readonly fits: (name: string, shape: readonly Size[]) => boolean
  /** The tensor of this name and shape; `missing-tensor` or `wrong-shape` otherwise. */
  readonly take: (name: string, shape: readonly Size[]) => Weight
  readonly takeOptional: (name: string, shape: readonly Size[]) => Weight | undefined
  /** Names in the file that were not taken, in the file's order. */
  readonly unused: () => readonly string[]
}

const FLOATS: ReadonlySet<string> = new Set(['float32', 'float16', 'bfloat16'])

export function tensorsOf(weights: ReadonlyMap<string, Weight>): Tensors {
  const originals = canonicalNames(weights.keys())
  const children = childCounts(originals.keys())
  const taken = new Set<string>()
  const find = (name: string): Weight | undefined => weights.get(originals.get(name) ?? '')
  const takeOptional: Tensors['takeOptional'] = (name, shape) => {
    const weight = find(name)
    if (!weight) return undefined
    checkWeight(weight, shape)
    taken.add(name)
    return weight
  }
  return {
    has: (name) => originals.has(name),
    hasUnder: (prefix) => children.has(prefix),
    countUnder: (prefix) => children.get(prefix) ?? 0,
    takeOptional,
    fits: (name, shape) => hasShape(find(name)?.shape ?? [], shape),
    take(name, shape) {
      const weight = takeOptional(name, shape)
      if (weight) return weight
      const released = releasedName(name)
      throw new MixbitError(
        'missing-tensor',
        `The checkpoint lacks "${released}", of shape ${describe(shape)}.`,
        { tensor: released, layer: name },
      )
    },
    unused: () => [...originals].filter(([name]) => !taken.has(name)).map(([, file]) => file),
  }
}

function checkWeight(weight: Weight, shape: readonly Size[]): void {
  const { name, dtype } = weight
  ensure(
    FLOATS.has(dtype),
    'unsupported-dtype',
    `"${name}" is stored as ${dtype}; weights are read from float32, float16 and bfloat16.`,
    { tensor: name, dtype },
  )
  ensure(
    hasShape(weight.shape, shape),
    'wrong-shape',
    `"${name}" has shape ${describe(weight.shape)}; the model needs ${describe(shape)}.`,
    { tensor: name, shape: weight.shape, expected: shape },
  )
}

function hasShape(shape: readonly number[], expected: readonly Size[]): boolean {
  const fits = (size: Size, axis: number): boolean => {
    const found = shape[axis] ?? 0
    return size === 'any' ? found >= 1 : size === found
  }
  return shape.length === expected.length && expected.every(fits)
}

function describe(shape: readonly Size[]): string {
  return `[${shape.map((size) => (size === 'any' ? '?' : size)).join(', ')}]`
}

/** For each prefix of a name: one more than its highest child that is a number, or 0. */
function childCounts(names: Iterable<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) {
    let end = name.length
    for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
      const prefix = name.slice(0, dot)
      const child = name.slice(dot + 1, end)
      const known = counts.get(prefix)
      counts.set(prefix, Math.max(known ?? 0, /^\d{1,9}$/.test(child) ? Number(child) + 1 : 0))
      if (known !== undefined) break
      end = dot
    }
  }
  return counts
}
