import { ensure } from '../base/error.ts'
import type { Algorithm, PaletteRule } from '../config/settings.ts'
import { decode } from '../kernels/decode-encoding.ts'
import type { ErrorSums, Kernels } from '../kernels/kernels.ts'
import { type PruneThreshold, withoutMasked } from '../kernels/prune.ts'
import type { Encoding, FloatEncoding } from '../scheme/encoding.ts'
import type {
  AffineScheme,
  FloatScheme,
  PaletteScheme,
  Scheme,
  SparseScheme,
} from '../scheme/scheme.ts'
import { bfloat16ToFloat, floatToBfloat16, MAX_HALF } from '../tensor/float16.ts'
import { countedScale, isCounted } from './counted-scale.ts'
import type { OneScale } from './counted-scale.ts'
import { encodeAffine } from './encode-affine.ts'
import { encodePalette } from './palette/encode-palette.ts'
import type { StoredFloat } from './palette/stored-float.ts'
import { pruneMask } from './prune/prune-mask.ts'
import { affineBlock, tableChannels } from './scheme-blocks.ts'
import { valueImportance } from './value-importance.ts'

/** How a weight, or a slab of its leading rows, is to be stored. */
export type WeightSpec = {
  /** Of the values given: of a slab, with its own number of rows. */
  readonly shape: readonly number[]
  readonly outputAxis: number
  readonly inputAxis: number
  readonly scheme: Scheme
  /** What chooses scales. */
  readonly algorithm: Algorithm
  /** What chooses the entries of tables. */
  readonly paletteRule: PaletteRule
  /** What the weight decodes to: the dtype that its operators want. */
  readonly decodeDtype: StoredFloat
  /**
   * How much the squared error of each input channel counts, or of each value of an output channel
   * (in storage order, the output axis left out): float32, each 0 or from 2^-100 to 2^100.
   */
  readonly importance?: Float32Array
  /** A table made from the whole weight, for slabs of one that has a single table. */
  readonly table?: Float32Array
  /** Whether all values are halves, as those of a weight that is stored in float16. */
  readonly halves?: boolean
  /** Scales made from the whole weight, for slabs of one whose blocks span all rows. */
  readonly scale?: Float32Array
  /** Their zero points, unless codes are symmetric. */
  readonly zeroPoint?: Int8Array
  /** Codes of the one table of the whole weight, in steps of `step`. */
  readonly tableCodes?: Int8Array
  /** The step between the codes of all tables of the whole weight. */
  readonly step?: number
  /** A threshold made from the whole weight, for slabs of one of which a fraction is zero. */
  readonly threshold?: PruneThreshold
}

/** An encoding, and its error against the values given, unweighted. */
export type EncodedWeight = { readonly encoding: Encoding; readonly error: ErrorSums }

/**
 * Stores a weight as its scheme says. Scales and tables are rounded to their stored form before
 * codes and indices are chosen, and errors are those of the decoded values. Scales are positive, and
 * float32 where values decode to float32, as they are stored so then.
 *
 * Sparse: scales and tables are made from the values that are kept.
 *
 * @param values - float32, in storage order
 * @throws MixbitError `unsupported-scheme` when blocks, groups or vectors do not divide the shape,
 *   or when tables of the rule `unique` are too small
 */
export function encodeWeight(
  kernels: Kernels,
  values: Float32Array,
  spec: WeightSpec,
): EncodedWeight {
  const { scheme } = spec
  return scheme.kind === 'sparse'
    ? encodeSparse(kernels, values, scheme, spec)
    : encodeDense(kernels, values, scheme, spec)
}

type DenseEncoded = EncodedWeight & { readonly encoding: Exclude<Encoding, { kind: 'sparse' }> }

function encodeDense(
  kernels: Kernels,
  values: Float32Array,
  scheme: FloatScheme | AffineScheme | PaletteScheme,
  spec: WeightSpec,
): DenseEncoded {
  switch (scheme.kind) {
    case 'float': {
      const encoding = encodeFloat(kernels, values, scheme, spec.shape)
      return { encoding, error: kernels.errorSums(values, encoding.values) }
    }
    case 'affine':
      return affine(kernels, values, scheme, spec)
    case 'palette':
      return palette(kernels, values, scheme, spec)
  }
}

function encodeSparse(
  kernels: Kernels,
  values: Float32Array,
  scheme: SparseScheme,
  spec: WeightSpec,
): EncodedWeight {
  ensure(
    scheme.values.kind !== 'palette' || scheme.values.vectorSize === 1,
    'unsupported-scheme',
    'A mask keeps single values, not vectors. Use a palette of single values.',
  )
  const mask = pruneMask(kernels, values, { ...spec, pattern: scheme.pattern })
  // NaN counts for nothing in scales and tables; a float that is not stored is 0.
  const kept = withoutMasked(values, mask, scheme.values.kind === 'float' ? 0 : Number.NaN)
  const dense = encodeDense(kernels, kept, scheme.values, spec).encoding
  const encoding: Encoding = { kind: 'sparse', shape: spec.shape, mask, values: dense }
  return { encoding, error: kernels.errorSums(values, decode(encoding, kernels)) }
}

/** Nearest values; what is beyond the range becomes its end, and infinity and NaN stay. */
function encodeFloat(
  kernels: Kernels,
  values: Float32Array,
  { dtype }: FloatScheme,
  shape: readonly number[],
): FloatEncoding {
  const encoding = { kind: 'float', dtype, shape } as const
  switch (dtype) {
    case 'float32':
      return { ...encoding, values }
    case 'float16':
      return { ...encoding, values: halves(kernels, values) }
    case 'bfloat16':
      return { ...encoding, values: values.map((x) => bfloat16ToFloat(floatToBfloat16(x))) }
  }
}

function halves(kernels: Kernels, values: Float32Array): Float32Array {
  const { min, max } = kernels.valueEnds(values)
  const isInRange = min >= -MAX_HALF && max <= MAX_HALF
  const limited = isInRange ? values : values.map(limitToHalf)
  const bits = new Uint16Array(values.length)
  kernels.floatToHalf(bits, limited)
  const out = new Float32Array(values.length)
  kernels.halfToFloat(out, bits)
  return out
}

function limitToHalf(value: number): number {
  return Number.isFinite(value) ? Math.max(-MAX_HALF, Math.min(MAX_HALF, value)) : value
}

function affine(
  kernels: Kernels,
  values: Float32Array,
  scheme: AffineScheme,
  spec: WeightSpec,
): DenseEncoded {
  const importance = valueImportance(spec)
  return encodeAffine(kernels, values, {
    shape: spec.shape,
    block: affineBlock(scheme, spec),
    integer: scheme.dtype,
    symmetric: scheme.symmetric,
    scaleDtype: spec.decodeDtype === 'float32' ? 'float32' : scheme.scaleDtype,
    decodeDtype: spec.decodeDtype,
    algorithm: spec.algorithm,
    signs: 'positive',
    ...givenScale(kernels, values, scheme, spec),
    ...(importance === undefined ? {} : { importance }),
  })
}

/** The scale of the whole weight, where it is known or chosen by how often values occur. */
function givenScale(
  kernels: Kernels,
  values: Float32Array,
  scheme: AffineScheme,
  spec: WeightSpec,
): Partial<OneScale> {
  const { scale, zeroPoint } = spec
  if (scale !== undefined) return zeroPoint === undefined ? { scale } : { scale, zeroPoint }
  if (!isCounted(scheme, spec)) return {}
  return countedScale(kernels, kernels.distinctValues(values, 0, undefined), scheme, spec)
}

function palette(
  kernels: Kernels,
  values: Float32Array,
  scheme: PaletteScheme,
  spec: WeightSpec,
): DenseEncoded {
  const importance = valueImportance(spec)
  return encodePalette(kernels, values, {
    shape: spec.shape,
    outputAxis: spec.outputAxis,
    bits: scheme.bits,
    channels: tableChannels(scheme, spec),
    vectorSize: scheme.vectorSize,
    tableKind: scheme.table,
    channelScale: scheme.channelScale,
    rule: spec.paletteRule,
    dtype: spec.decodeDtype,
    ...(importance === undefined ? {} : { importance }),
    ...(spec.table === undefined ? {} : { table: spec.table }),
    ...(spec.tableCodes === undefined ? {} : { tableCodes: spec.tableCodes }),
    ...(spec.step === undefined ? {} : { step: spec.step }),
  })
}
