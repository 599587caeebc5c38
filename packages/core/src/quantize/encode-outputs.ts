import { encodeWeight } from '../algorithms/encode-weight.ts'
import type { EncodedWeight, WeightSpec } from '../algorithms/encode-weight.ts'
import { withAxis } from '../algorithms/scheme-blocks.ts'
import { mergeErrors, NO_ERROR } from '../kernels/error-sums.ts'
import type { ErrorSums, Kernels } from '../kernels/kernels.ts'
import type { RegionReader, ValueChunk } from '../kernels/value-chunk.ts'
import { chunkValues, fittingRows, loadedChunk } from '../kernels/value-chunk.ts'
import type { AffineEncoding, FloatEncoding, PaletteEncoding } from '../scheme/encoding.ts'
import { bytesOf } from '../tensor/dtype.ts'
import { columnsOf, elementsOf } from '../tensor/weight.ts'

/** What a weight is stored with some output channels at a time. */
export type OutputsRequest = {
  /** The values of the whole weight. */
  readonly chunk: ValueChunk
  readonly spec: WeightSpec
  /** Values at once, about. */
  readonly most: number
  /** Memory for so many values, which is used again for the next. */
  readonly room: (count: number) => Float32Array
  /** Reads what the chunk says where it lies. */
  readonly reader: RegionReader
}

/** Shorter runs of bytes take longer to read one by one than all values together. */
const SHORTEST_READ = 512

/** Where output channels lie: the weight has the shape (before, outputs, after). */
type Layout = { readonly before: number; readonly outputs: number; readonly after: number }

type Strip = EncodedWeight & {
  /** The first of its output channels, and how many there are. */
  readonly first: number
  readonly count: number
}

/**
 * The same as `encodeWeight`, some output channels at a time: float32 values of a whole weight, and
 * copies of them in another order, take many times as much memory as what is stored.
 *
 * @returns null where output channels come first, are few, or do not choose scales and tables alone
 */
export function encodeByOutputs(kernels: Kernels, request: OutputsRequest): EncodedWeight | null {
  const { spec, most } = request
  const { shape, outputAxis, scheme } = spec
  const layout: Layout = {
    before: elementsOf(shape.slice(0, outputAxis)),
    outputs: shape[outputAxis] ?? 1,
    after: elementsOf(shape.slice(outputAxis + 1)),
  }
  const together = outputAxis === 0 ? null : outputsTogether(spec)
  if (together === null) return null
  const count = fittingRows(layout.before * layout.after, together, most)
  if (count >= layout.outputs) return null
  const size = bytesOf(request.chunk.dtype, 1)
  const isReadInRuns = count * layout.after * size >= SHORTEST_READ
  const chunk = isReadInRuns ? request.chunk : loadedChunk(request.chunk, request.reader)
  const strips = encodedStrips(kernels, { ...request, chunk }, layout, count)
  return scheme.kind === 'palette'
    ? joinIndices(strips, spec, layout)
    : joinCodes(strips, spec, layout)
}

/** How many output channels share what is chosen for them; null where all do. */
function outputsTogether({ scheme, outputAxis, scale }: WeightSpec): number | null {
  if (scale !== undefined) return null
  if (scheme.kind === 'affine') {
    const { granularity } = scheme
    return granularity.kind === 'per-channel' && granularity.axis === outputAxis ? 1 : null
  }
  if (scheme.kind !== 'palette' || scheme.granularity.kind !== 'per-block') return null
  // Tables of int8 without scales of their own have one for all.
  const isAlone = scheme.table === 'float' || scheme.channelScale
  return isAlone && scheme.granularity.axis === outputAxis ? scheme.granularity.blockSize : null
}

function* encodedStrips(
  kernels: Kernels,
  { chunk, spec, room, reader }: OutputsRequest,
  layout: Layout,
  most: number,
): Generator<Strip> {
  for (let first = 0; first < layout.outputs; first += most) {
    const count = Math.min(most, layout.outputs - first)
    const shape = withAxis(spec.shape, spec.outputAxis, count)
    const values = chunkValues(
      kernels,
      stripOf({ chunk, reader }, shape, layout, { first, count }),
      room,
    )
    yield { ...encodeWeight(kernels, values, { ...spec, shape }), first, count }
  }
}

/** The values of some output channels, as they are stored. */
function stripOf(
  { chunk, reader }: Pick<OutputsRequest, 'chunk' | 'reader'>,
  shape: readonly number[],
  layout: Layout,
  place: Pick<Strip, 'first' | 'count'>,
): ValueChunk {
  const facts = { rows: chunk.rows, columns: columnsOf(shape), dtype: chunk.dtype }
  if (chunk.values !== null) {
    const values = new Float32Array(elementsOf(shape))
    gather(values, runsOf(chunk.values), layout, place)
    return { ...facts, stored: null, values }
  }
  const size = bytesOf(chunk.dtype, 1)
  const stored = new Uint8Array(size * elementsOf(shape))
  const runs = chunk.stored === null ? readRuns(chunk, reader) : runsOf(chunk.stored)
  gather(stored, runs, { ...layout, after: size * layout.after }, place)
  return { ...facts, stored, values: null }
}

/** Gives a run of what a weight holds; good until the next is asked for. */
type Runs = (start: number, length: number) => Float32Array | Uint8Array

function runsOf(all: Float32Array | Uint8Array): Runs {
  return (start, length) => all.subarray(start, start + length)
}

function readRuns({ region }: ValueChunk, { readRegion }: RegionReader): Runs {
  if (region === undefined || readRegion === undefined) {
    throw new TypeError('This thread cannot read regions of files')
  }
  return (start, length) => readRegion({ ...region, offset: region.offset + start, length })
}

/** The runs of some output channels, one after another. */
function gather(
  out: Float32Array | Uint8Array,
  run: Runs,
  { before, outputs, after }: Layout,
  { first, count }: Pick<Strip, 'first' | 'count'>,
): void {
  for (let i = 0; i < before; i++) {
    out.set(run((i * outputs + first) * after, count * after), i * count * after)
  }
}

/** Puts the runs of some output channels back. */
function scatter<Values extends Int8Array | Uint8Array>(
  all: Values,
  own: Values,
  { before, outputs, after }: Layout,
  { first, count }: Pick<Strip, 'first' | 'count'>,
): void {
  for (let i = 0; i < before; i++) {
    const run = own.subarray(i * count * after, (i + 1) * count * after)
    all.set(run, (i * outputs + first) * after)
  }
}

function joinCodes(strips: Iterable<Strip>, { shape }: WeightSpec, layout: Layout): EncodedWeight {
  const codes = new Int8Array(elementsOf(shape))
  const scale = new Float32Array(layout.outputs)
  const zeroPoint = new Int8Array(layout.outputs)
  let [error, base]: [ErrorSums, AffineEncoding | null] = [NO_ERROR, null]
  for (const strip of strips) {
    if (strip.encoding.kind !== 'affine') throw new TypeError('integers have codes')
    base = strip.encoding
    scatter(codes, base.codes, layout, strip)
    scale.set(base.scale, strip.first)
    if (base.zeroPoint !== undefined) zeroPoint.set(base.zeroPoint, strip.first)
    error = mergeErrors(error, strip.error)
  }
  if (base === null) throw new TypeError('a weight has output channels')
  const offset = base.zeroPoint === undefined ? {} : { zeroPoint }
  return { encoding: { ...base, shape, codes, scale, ...offset }, error }
}

function joinIndices(
  strips: Iterable<Strip>,
  { shape, outputAxis }: WeightSpec,
  layout: Layout,
): EncodedWeight {
  const tables: PaletteEncoding['table'][] = []
  let [error, base]: [ErrorSums, PaletteEncoding | null] = [NO_ERROR, null]
  let indices = new Uint8Array(0)
  for (const { encoding, error: own, first, count } of strips) {
    if (encoding.kind !== 'palette') throw new TypeError('palettes have indices')
    const { size } = encoding.vector
    if (base === null) indices = new Uint8Array(elementsOf(shape) / size)
    const vectors = { ...layout, outputs: layout.outputs / size }
    scatter(indices, encoding.indices, vectors, { first: first / size, count: count / size })
    tables.push(encoding.table)
    error = mergeErrors(error, own)
    base = encoding
  }
  if (base === null) throw new TypeError('a weight has output channels')
  return { encoding: { ...base, shape, indices, table: joinTables(tables, outputAxis) }, error }
}

/** Tables lie along the output axis alone. */
function joinTables(
  tables: readonly PaletteEncoding['table'][],
  axis: number,
): FloatEncoding | AffineEncoding {
  const [first] = tables
  if (first === undefined) throw new TypeError('a weight has output channels')
  const count = tables.reduce((sum, { shape }) => sum + (shape[axis] ?? 1), 0)
  const shape = withAxis(first.shape, axis, count)
  if (first.kind === 'float') {
    const values = tables.flatMap((table) => (table.kind === 'float' ? [...table.values] : []))
    return { ...first, shape, values: Float32Array.from(values) }
  }
  const parts = tables.flatMap((table) => (table.kind === 'affine' ? [table] : []))
  const codes = Int8Array.from(parts.flatMap((part) => [...part.codes]))
  const scale = Float32Array.from(parts.flatMap((part) => [...part.scale]))
  return { ...first, shape, codes, scale }
}
