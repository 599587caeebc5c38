import { MixbitError, ensure } from '../base/error.ts'
import { meantPrecisions } from './meant-precisions.ts'
import { INTEGER_BITS } from './scheme.ts'
import type {
  FloatType,
  Granularity,
  IntegerType,
  PaletteBits,
  PaletteScheme,
  Scheme,
  SparseScheme,
} from './scheme.ts'

/** How many values share one scale or one table, before the operator says which axis that is. */
export type PrecisionGranularity =
  | 'per-tensor'
  | 'per-channel'
  /** Input channels that share a scale; for a palette, output channels that share a table. */
  | { readonly block: number }

/** What a precision name says: a Scheme whose axes are not known yet. */
export type Precision = PlainPrecision | SparsePrecision

/** What the values of a sparse weight can be. */
export type PlainPrecision = FloatPrecision | AffinePrecision | PalettePrecision

export type FloatPrecision = { readonly kind: 'float'; readonly dtype: FloatType }

export type AffinePrecision = {
  readonly kind: 'affine'
  readonly dtype: IntegerType
  readonly symmetric: boolean
  readonly granularity: PrecisionGranularity
  /** Activations are 8-bit integers too, with ranges from calibration or found at run time. */
  readonly activations?: 'static' | 'dynamic'
}

export type PalettePrecision = {
  readonly kind: 'palette'
  readonly bits: PaletteBits
  readonly granularity: PrecisionGranularity
  readonly vectorSize: number
  readonly table: PaletteScheme['table']
  readonly channelScale: boolean
}

export type SparsePrecision = {
  readonly kind: 'sparse'
  readonly pattern: SparseScheme['pattern']
  readonly values: PlainPrecision
}

/** What the operator of a weight adds to its precision. */
export type WeightAxes = {
  readonly outputAxis: number
  readonly inputAxis: number
  /** The dtype scales are stored in; float16 unless the target needs more. */
  readonly scaleDtype?: 'float16' | 'float32'
}

/** The forms that a precision name can take, for messages and documents. */
export const PRECISION_FORMS: readonly string[] = [
  'fp32',
  'fp16',
  'int8 | int4 | int3 | int2, then /tensor, /channel or /<block>, then /asym',
  'palette<1|2|3|4|6|8>[/tensor | /g<channels>][x<vector>][/int8][/scale]',
  'sparse<percent>[/<channels>]+<precision>',
  'sparse@<magnitude>+<precision>',
  'sparse<n>:<m>+<precision>',
  'w8a8',
  'w8a8/dynamic',
]

/**
 * A regular expression that every precision name matches, for editors. It leaves the upper limits
 * of numbers to `parsePrecision`.
 */
export const PRECISION_PATTERN: string = precisionPattern()

/** Scales of 4 bits and below are shared by this many input channels, as in the GGUF and MLX formats. */
const DEFAULT_BLOCK = 32

/** No weight has more channels; keeps every derived count a safe integer. */
const MAX_BLOCK = 2 ** 24

/** Beyond this a table of vectors is larger than what it saves. */
export const MAX_VECTOR = 32

/** The longest pattern of the sparse formats that hardware reads is 4 of 8. */
export const MAX_SPARSE_GROUP = 32

/** The largest number of fp16: above it no weight would be left. */
export const MAX_MAGNITUDE = 65504

const PALETTE_BITS: readonly PaletteBits[] = [1, 2, 3, 4, 6, 8]

/** Reads a precision name, with its defaults filled in. Throws `invalid-precision`. */
export function parsePrecision(text: string): Precision {
  const sparse = /^sparse([^+]*)\+(.*)$/su.exec(text)
  if (sparse === null) return parsePlain(text, text)
  const [, amount = '', values = ''] = sparse
  const parsed = parsePlain(values, text)
  ensure(
    parsed.kind !== 'affine' || parsed.activations === undefined,
    'invalid-precision',
    `"${text}": activations cannot be sparse. Use a weight precision after "+", as in sparse50+int8.`,
    { found: text },
  )
  return { kind: 'sparse', pattern: parseSparsity(amount, text), values: parsed }
}

/** The shortest name of a precision: what equals a default is left out. */
export function formatPrecision(precision: Precision): string {
  switch (precision.kind) {
    case 'float':
      return FLOAT_NAMES[precision.dtype]
    case 'affine':
      return formatAffine(precision)
    case 'palette':
      return formatPalette(precision)
    case 'sparse':
      return `sparse${formatSparsity(precision.pattern)}+${formatPrecision(precision.values)}`
  }
}

/** The Scheme that a precision means for a weight with these axes. Activations are not part of it. */
export function schemeFor(precision: Precision, axes: WeightAxes): Scheme {
  if (precision.kind !== 'sparse') return plainSchemeFor(precision, axes)
  return {
    kind: 'sparse',
    pattern: precision.pattern,
    values: plainSchemeFor(precision.values, axes),
  }
}

/** The name of a scheme for people, with its granularity always spelled: `int4/32`. */
export function precisionName(scheme: Scheme): string {
  switch (scheme.kind) {
    case 'float':
      return FLOAT_NAMES[scheme.dtype]
    case 'affine':
      return `${scheme.dtype}/${granularityName(scheme.granularity)}${scheme.symmetric ? '' : '/asym'}`
    case 'palette':
      return formatPalette({ ...scheme, granularity: withoutAxis(scheme.granularity) })
    case 'sparse':
      return `sparse${formatSparsity(scheme.pattern)}+${precisionName(scheme.values)}`
  }
}

const FLOAT_NAMES: Readonly<Record<FloatType, string>> = {
  float32: 'fp32',
  float16: 'fp16',
  bfloat16: 'bf16',
}

const INTEGERS: ReadonlyMap<string, IntegerType> = new Map([
  ['int8', 'int8'],
  ['int4', 'int4'],
  ['int3', 'int3'],
  ['int2', 'int2'],
])

const W8A8: AffinePrecision = {
  kind: 'affine',
  dtype: 'int8',
  symmetric: true,
  granularity: 'per-channel',
}

function parsePlain(text: string, whole: string): PlainPrecision {
  switch (text) {
    case 'fp32':
      return { kind: 'float', dtype: 'float32' }
    case 'fp16':
      return { kind: 'float', dtype: 'float16' }
    case 'w8a8':
      return { ...W8A8, activations: 'static' }
    case 'w8a8/dynamic':
    case 'dynamic':
      return { ...W8A8, activations: 'dynamic' }
    default:
      return text.startsWith('palette') ? parsePalette(text, whole) : parseAffine(text, whole)
  }
}

function parseAffine(text: string, whole: string): AffinePrecision {
  const match = /^(int\d)(?:\/(tensor|channel|\d+))?(\/asym)?$/u.exec(text)
  const dtype = INTEGERS.get(match?.[1] ?? '')
  if (match === null || dtype === undefined) throw invalidPrecision(whole)
  const [, , sharing, asymmetric] = match
  return {
    kind: 'affine',
    dtype,
    symmetric: asymmetric === undefined,
    granularity: sharing === undefined ? defaultGranularity(dtype) : parseSharing(sharing, whole),
  }
}

function parseSharing(text: string, whole: string): PrecisionGranularity {
  if (text === 'tensor') return 'per-tensor'
  if (text === 'channel') return 'per-channel'
  return { block: parseCount(text, MAX_BLOCK, 'the block', whole) }
}

function parsePalette(text: string, whole: string): PalettePrecision {
  const match = /^palette(\d)(?:\/(?:tensor|g(\d+)))?(?:x(\d+))?(\/int8)?(\/scale)?$/u.exec(text)
  const bits = PALETTE_BITS.find((each) => String(each) === match?.[1])
  if (match === null || bits === undefined) throw invalidPrecision(whole)
  const [, , channels, vector, table, scale] = match
  return {
    kind: 'palette',
    bits,
    granularity: channels === undefined ? 'per-tensor' : parseGroup(channels, whole),
    vectorSize: vector === undefined ? 1 : parseCount(vector, MAX_VECTOR, 'the vector', whole),
    table: table === undefined ? 'float' : 'int8',
    channelScale: scale !== undefined,
  }
}

/** A group of one output channel is the same as one table per channel. */
function parseGroup(text: string, whole: string): PrecisionGranularity {
  const block = parseCount(text, MAX_BLOCK, 'the group', whole)
  return block === 1 ? 'per-channel' : { block }
}

function parseSparsity(text: string, whole: string): SparsePrecision['pattern'] {
  if (text.startsWith('@')) return { kind: 'threshold', magnitude: parseMagnitude(text, whole) }
  const match = /^(\d+)(?:([:/])(\d+))?$/u.exec(text)
  if (match === null) throw invalidPrecision(whole)
  const [, first = '', separator, second = ''] = match
  if (separator !== ':') {
    const zeros = parseCount(first, 99, 'the percentage of zeros', whole) / 100
    if (separator === undefined) return { kind: 'fraction', zeros }
    const size = parseCount(second, MAX_BLOCK, 'the run of channels', whole)
    return { kind: 'structured', zeros, size }
  }
  const m = parseCount(second, MAX_SPARSE_GROUP, 'the group', whole)
  return { kind: 'n-of-m', n: parseCount(first, m - 1, 'the number of kept values', whole), m }
}

function parseMagnitude(text: string, whole: string): number {
  const magnitude = /^@\d+(?:\.\d+)?(?:e-?\d+)?$/u.test(text) ? Number(text.slice(1)) : Number.NaN
  if (Number.isNaN(magnitude)) throw invalidPrecision(whole)
  ensure(
    magnitude <= MAX_MAGNITUDE,
    'invalid-precision',
    `"${whole}": the largest magnitude that becomes zero must be from 0 to ${MAX_MAGNITUDE}, not ${magnitude}.`,
    { found: whole, min: 0, max: MAX_MAGNITUDE },
  )
  return magnitude
}

function parseCount(text: string, max: number, what: string, whole: string): number {
  const value = Number(text)
  ensure(
    value >= 1 && value <= max,
    'invalid-precision',
    `"${whole}": ${what} must be from 1 to ${max}, not ${text}.`,
    { found: whole, min: 1, max },
  )
  return value
}

function invalidPrecision(found: string): MixbitError {
  const near = meantPrecisions(found).filter(isPrecision)
  const hint =
    near.length === 0
      ? 'Some that are: fp16, int8, int4/32, int4/channel/asym, palette4, palette4/g16, sparse50+int8, w8a8.'
      : `Did you mean ${near.map((name) => `"${name}"`).join(' or ')}?`
  return new MixbitError(
    'invalid-precision',
    `"${found}" is not a precision. ${hint} docs/precision.md has all forms.`,
    { found, near, forms: PRECISION_FORMS },
  )
}

/** What is proposed is short, so it is read without proposals of its own. */
function isPrecision(text: string): boolean {
  return new RegExp(PRECISION_PATTERN, 'u').test(text)
}

function defaultGranularity(dtype: IntegerType): PrecisionGranularity {
  return INTEGER_BITS[dtype] === 8 ? 'per-channel' : { block: DEFAULT_BLOCK }
}

function formatAffine(precision: AffinePrecision): string {
  if (precision.activations !== undefined) {
    return precision.activations === 'static' ? 'w8a8' : 'w8a8/dynamic'
  }
  const sharing = sharingName(precision.granularity)
  const isDefault = sharing === sharingName(defaultGranularity(precision.dtype))
  return `${precision.dtype}${isDefault ? '' : `/${sharing}`}${precision.symmetric ? '' : '/asym'}`
}

function formatPalette(palette: Omit<PalettePrecision, 'kind'>): string {
  const table = palette.table === 'int8' ? '/int8' : ''
  const vector = palette.vectorSize === 1 ? '' : `x${palette.vectorSize}`
  const tail = `${vector}${table}${palette.channelScale ? '/scale' : ''}`
  if (palette.granularity === 'per-tensor') return `palette${palette.bits}${tail}`
  const channels = palette.granularity === 'per-channel' ? 1 : palette.granularity.block
  return `palette${palette.bits}/g${channels}${tail}`
}

function formatSparsity(pattern: SparsePrecision['pattern']): string {
  switch (pattern.kind) {
    case 'n-of-m':
      return `${pattern.n}:${pattern.m}`
    case 'threshold':
      return `@${pattern.magnitude}`
    case 'fraction':
      return percentage(pattern.zeros)
    case 'structured':
      return `${percentage(pattern.zeros)}/${pattern.size}`
  }
}

function percentage(fraction: number): string {
  return String(Number((fraction * 100).toFixed(2)))
}

function sharingName(granularity: PrecisionGranularity): string {
  if (granularity === 'per-tensor') return 'tensor'
  return granularity === 'per-channel' ? 'channel' : String(granularity.block)
}

function granularityName(granularity: Granularity): string {
  return sharingName(withoutAxis(granularity))
}

function withoutAxis(granularity: Granularity): PrecisionGranularity {
  return granularity.kind === 'per-block' ? { block: granularity.blockSize } : granularity.kind
}

function plainSchemeFor(
  precision: PlainPrecision,
  axes: WeightAxes,
): Exclude<Scheme, { readonly kind: 'sparse' }> {
  switch (precision.kind) {
    case 'float':
      return precision
    case 'affine':
      return {
        kind: 'affine',
        dtype: precision.dtype,
        symmetric: precision.symmetric,
        granularity: withAxis(precision.granularity, axes.outputAxis, axes.inputAxis),
        scaleDtype: axes.scaleDtype ?? 'float16',
      }
    case 'palette':
      return {
        ...precision,
        granularity: withAxis(precision.granularity, axes.outputAxis, axes.outputAxis),
      }
  }
}

function withAxis(
  granularity: PrecisionGranularity,
  channelAxis: number,
  blockAxis: number,
): Granularity {
  if (granularity === 'per-tensor') return { kind: 'per-tensor' }
  if (granularity === 'per-channel') return { kind: 'per-channel', axis: channelAxis }
  return { kind: 'per-block', axis: blockAxis, blockSize: granularity.block }
}

function precisionPattern(): string {
  const affine = 'int(8|4|3|2)(/(tensor|channel|[0-9]+))?(/asym)?'
  const palette = 'palette(1|2|3|4|6|8)(/(tensor|g[0-9]+))?(x[0-9]+)?(/int8)?(/scale)?'
  const sparse = 'sparse([0-9]+([:/][0-9]+)?|@[0-9]+(\\.[0-9]+)?(e-?[0-9]+)?)\\+'
  const plain = `fp32|fp16|${affine}|${palette}`
  return `^((${sparse})?(${plain})|w8a8(/dynamic)?|dynamic)$`
}
