/** The axis of the input that each axis of the result is; null for new ones and unknown ones. */
type Places = readonly (number | null)[]

/**
 * Where an operation that only moves values leaves the axes of its input `x`, of shape `from`, in a
 * result of shape `to`. `integers` are the integers or booleans of a parameter that is a constant.
 * What a parameter says counts only where it leads to `to`.
 *
 * @see https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html
 */
export function movedPlaces(
  type: string,
  integers: (parameter: string) => readonly number[] | undefined,
  from: readonly number[],
  to: readonly number[],
): Places {
  switch (type) {
    case 'transpose': {
      const order = fromStart(integers('perm') ?? [], from.length)
      return to.map((_, at) => order[at] ?? null)
    }
    case 'expand_dims':
      return fitting(expandedPlaces(integers('axes') ?? [], from, to), from, to)
    case 'squeeze':
      return fitting(squeezedPlaces(integers('axes'), from), from, to)
    case 'slice_by_index':
      return slicedPlaces(integers('squeeze_mask') ?? [], from, to)
    case 'reshape':
      return reshapedPlaces(from, to)
    default:
      return slicedPlaces([], from, to)
  }
}

/** Axes that may count from the end, counted from the start. */
function fromStart(axes: readonly number[], rank: number): readonly number[] {
  return axes.map((axis) => (axis < 0 ? axis + rank : axis))
}

/** New axes are counted in the result; those of the input fill the places between them. */
function expandedPlaces(
  axes: readonly number[],
  from: readonly number[],
  to: readonly number[],
): Places {
  const added = new Set(fromStart(axes, to.length))
  let next = 0
  const places = to.map((_, at) => (added.has(at) ? null : next++))
  return next === from.length ? places : []
}

/** Without `axes` all of length 1 go; longer ones stay even when they are named. */
function squeezedPlaces(axes: readonly number[] | undefined, from: readonly number[]): Places {
  const named = axes === undefined ? undefined : new Set(fromStart(axes, from.length))
  return [...from.keys()].filter((at) => from[at] !== 1 || named?.has(at) === false)
}

/** Slices keep the axes, but for those of which the mask takes a single index. */
function slicedPlaces(
  mask: readonly number[],
  from: readonly number[],
  to: readonly number[],
): Places {
  const kept = [...from.keys()].filter((at) => (mask[at] ?? 0) === 0)
  return kept.length === to.length ? kept : to.map(() => null)
}

/** The places when sizes are as they say, else what sizes alone tell. */
function fitting(places: Places, from: readonly number[], to: readonly number[]): Places {
  const isFit =
    places.length === to.length &&
    places.every((place, at) => (place === null ? 1 : from[place]) === to[at])
  return isFit ? places : reshapedPlaces(from, to)
}

/**
 * Axes stay where only those of length 1 come or go; those of length 1 as well, where as many lie
 * between the same longer ones.
 */
function reshapedPlaces(from: readonly number[], to: readonly number[]): Places {
  const long = longAxes(from)
  const own = longAxes(to)
  if (own.length !== long.length || own.some((axis, at) => to[axis] !== from[long[at] ?? -1])) {
    return to.map(() => null)
  }
  const places = Array.from(to, (): number | null => null)
  for (let at = 0; at <= own.length; at++) {
    const [start, end] = [own[at - 1] ?? -1, own[at] ?? to.length]
    const [first, last] = [long[at - 1] ?? -1, long[at] ?? from.length]
    if (end < to.length) places[end] = last
    if (end - start !== last - first) continue
    for (let step = 1; step < end - start; step++) places[start + step] = first + step
  }
  return places
}

function longAxes(shape: readonly number[]): readonly number[] {
  return [...shape.keys()].filter((axis) => shape[axis] !== 1)
}
