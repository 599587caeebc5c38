import type { Kernels } from '../../kernels/kernels.ts'
import type { AffineEncoding, FloatEncoding } from '../../scheme/encoding.ts'
import { groupTable } from './group-tables.ts'
import { int8Table, int8Tables, largestStep } from './int8-tables.ts'
import type { PaletteSpec } from './palette-spec.ts'
import { type ChannelGroup, scaledChannels } from './scaled-channels.ts'
import { toStored } from './stored-float.ts'

/** The smallest positive float32. */
const SMALLEST_FLOAT: number = 2 ** -149

/** Output channels whose values one table gives: with a scale for each, only those of a vector. */
export function channelsOfTable({ channelScale, vectorSize, channels }: PaletteSpec): number {
  return channelScale ? vectorSize : channels
}

/** The tables of all groups, rounded to their stored form. */
export function tableEncoding(
  kernels: Kernels,
  groups: readonly ChannelGroup[],
  spec: PaletteSpec,
): FloatEncoding | AffineEncoding {
  const { shape: full, outputAxis, vectorSize, bits, dtype, channelScale, tableKind } = spec
  const tables = full.map((size, k) => (k === outputAxis ? size / channelsOfTable(spec) : 1))
  const shape = [...tables, 2 ** bits, vectorSize]
  if (tableKind === 'int8') {
    const base = { kind: 'affine', dtype, integer: 'int8', shape, scaleDtype: dtype } as const
    if (!channelScale) return { ...base, block: shape, ...int8Tables(kernels, groups, spec) }
    const parts = groups.map((group) => scaledCodes(kernels, group, spec))
    const codes = Int8Array.from(parts.flatMap((part) => [...part.codes]))
    const scale = Float32Array.from(parts.flatMap((part) => [...part.scale]))
    return { ...base, block: [...tables.map(() => 1), 2 ** bits, 1], codes, scale }
  }
  const floats = groups.map((group) =>
    channelScale ? foldedTables(kernels, group, spec) : groupTable(kernels, group, spec),
  )
  return { kind: 'float', dtype, shape, values: concatenated(floats) }
}

/** The shared table of a group times the magnitudes of each vector of channels. */
function foldedTables(kernels: Kernels, own: ChannelGroup, spec: PaletteSpec): Float32Array {
  const { group, magnitudes } = scaledChannels(kernels, own)
  const shared = groupTable(kernels, group, { ...spec, dtype: 'float32' })
  const { vectorSize } = spec
  const tables = new Float32Array((magnitudes.length / vectorSize) * shared.length)
  for (let i = 0; i < tables.length; i++) {
    const channel = Math.floor(i / shared.length) * vectorSize + (i % vectorSize)
    const entry = (shared[i % shared.length] ?? 0) * (magnitudes[channel] ?? 0)
    // Adding 0 makes the entries of an all-zero channel 0, never -0.
    tables[i] = toStored(entry, spec.dtype) + 0
  }
  return tables
}

/** The shared table of a group as codes, repeated for each channel, which has a scale of its own. */
function scaledCodes(
  kernels: Kernels,
  own: ChannelGroup,
  spec: PaletteSpec,
): { readonly codes: Int8Array; readonly scale: Float32Array } {
  const { group, magnitudes } = scaledChannels(kernels, own)
  const { codes: shared, step } = int8Table(kernels, group, { ...spec, dtype: 'float32' })
  const codes = new Int8Array((magnitudes.length / spec.vectorSize) * shared.length)
  for (let at = 0; at < codes.length; at += shared.length) codes.set(shared, at)
  const most = largestStep(spec.dtype)
  // A scale is never 0: that of an all-zero channel is the smallest there is.
  const scale = Float32Array.from(magnitudes, (magnitude) =>
    Math.min(most, Math.max(SMALLEST_FLOAT, step * magnitude)),
  )
  kernels.roundScales(scale, scale, spec.dtype)
  return { codes, scale }
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
