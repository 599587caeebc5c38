import { decode } from '../../kernels/decode-encoding.ts'
import type { ErrorSums, Kernels } from '../../kernels/kernels.ts'
import { permuteAxes } from '../../kernels/permute-axes.ts'
import type { PaletteEncoding } from '../../scheme/encoding.ts'
import { elementsOf } from '../../tensor/weight.ts'
import { moderateFactor, scaledBy } from './moderate-vectors.ts'
import { type PaletteSpec, requirePalette } from './palette-spec.ts'
import type { ChannelGroup } from './scaled-channels.ts'
import { channelsOfTable, tableEncoding } from './table-encoding.ts'

/** An encoding and what it costs. */
export type EncodedPalette = { readonly encoding: PaletteEncoding; readonly error: ErrorSums }

/**
 * Stores a tensor as indices into tables: a table for each group of output channels, rounded to
 * its stored form first, then for each value the index of the nearest entry.
 *
 * NaN counts for nothing in a table, and gets the index of the entry that is nearest to 0.
 *
 * @param x - float32, in storage order
 * @throws MixbitError `unsupported-scheme` when groups do not divide the output channels, or when
 *   the rule is `unique` and a group has more values than a table has entries
 */
export function encodePalette(
  kernels: Kernels,
  x: Float32Array,
  spec: PaletteSpec,
): EncodedPalette {
  requirePalette(spec)
  const groups = channelGroups(x, spec)
  const table = tableEncoding(kernels, groups, spec)
  const values = decode(table, kernels)
  const indices = new Uint8Array(x.length / spec.vectorSize)
  const tablesInGroup = values.length / groups.length
  let start = 0
  for (const [i, group] of groups.entries()) {
    const own = indices.subarray(start, start + group.x.length / spec.vectorSize)
    const tables = values.subarray(i * tablesInGroup, (i + 1) * tablesInGroup)
    assign(kernels, own, group, tables, spec)
    start += own.length
  }
  const { shape, outputAxis: axis, vectorSize: size, bits } = spec
  const block = shape.map((length, k) => (k === axis ? channelsOfTable(spec) : length))
  const vector = { axis, size }
  const stored = { shape, block, vector, indices: inStorageOrder(indices, spec), table }
  const encoding: PaletteEncoding = { kind: 'palette', bits, ...stored }
  return { encoding, error: kernels.errorSums(x, decode(encoding, kernels)) }
}

/** The tensor as (outputs, values of an output), cut into the groups that share tables. */
export function channelGroups(x: Float32Array, spec: PaletteSpec): readonly ChannelGroup[] {
  const { shape, outputAxis, channels, vectorSize, importance } = spec
  const outputs = shape[outputAxis] ?? 1
  const inner = x.length / outputs
  const values = outputsFirst(x, shape, outputAxis)
  const weights = importance && outputsFirst(importance, shape, outputAxis)
  return Array.from({ length: outputs / channels }, (_, group) => {
    const start = group * channels * inner
    const own = values.subarray(start, start + channels * inner)
    return {
      x: own,
      weights:
        weights && vectorWeights(weights.subarray(start, start + own.length), vectorSize, inner),
      size: vectorSize,
      inner,
    }
  })
}

/** The weights of vectors: those of their first components, as all have the same input channel. */
function vectorWeights(weights: Float32Array, size: number, inner: number): Float32Array {
  if (size === 1) return weights
  return Float32Array.from({ length: weights.length / size }, (_, i) => {
    return weights[i + Math.floor(i / inner) * inner * (size - 1)] ?? 0
  })
}

function assign(
  kernels: Kernels,
  indices: Uint8Array,
  group: ChannelGroup,
  tables: Float32Array,
  spec: PaletteSpec,
): void {
  const { x, size } = group
  const tableLength = 2 ** spec.bits * size
  const count = tables.length / tableLength
  for (let i = 0; i < count; i++) {
    const table = tables.subarray(i * tableLength, (i + 1) * tableLength)
    const values = x.subarray((i * x.length) / count, ((i + 1) * x.length) / count)
    const own = indices.subarray((i * indices.length) / count, ((i + 1) * indices.length) / count)
    if (size === 1) kernels.nearestEntries(own, values, table)
    else assignVectors(kernels, own, { ...group, x: values }, table)
  }
}

function assignVectors(
  kernels: Kernels,
  indices: Uint8Array,
  { x, size, inner }: ChannelGroup,
  table: Float32Array,
): void {
  const factor = moderateFactor(kernels, x)
  kernels.nearestVectors(indices, scaledBy(x, factor), scaledBy(table, factor), { size, inner })
}

/** What (before, outputs, after) is in storage, with the outputs first. */
function outputsFirst(x: Float32Array, shape: readonly number[], axis: number): Float32Array {
  if (axis === 0) return x
  const out = new Float32Array(x.length)
  permuteAxes(out, x, aroundAxis(shape, axis), [1, 0, 2])
  return out
}

function inStorageOrder(indices: Uint8Array, spec: PaletteSpec): Uint8Array {
  const { shape, outputAxis, vectorSize } = spec
  if (outputAxis === 0) return indices
  const [before, outputs, after] = aroundAxis(shape, outputAxis)
  const out = new Uint8Array(indices.length)
  permuteAxes(out, indices, [outputs / vectorSize, before, after], [1, 0, 2])
  return out
}

function aroundAxis(shape: readonly number[], axis: number): readonly [number, number, number] {
  return [elementsOf(shape.slice(0, axis)), shape[axis] ?? 1, elementsOf(shape.slice(axis + 1))]
}
