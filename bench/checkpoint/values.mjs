// Values that look like trained weights, made fast and the same on every machine.

/**
 * Quantiles in one table: a value costs one random number and one load. 2^13 entries of a Student
 * t distribution reach 9 standard deviations, about what the largest weights of real models do.
 */
const TABLE_BITS = 13
const TABLE_SIZE = 2 ** TABLE_BITS
/** Rows differ in size: each takes one of these gains, spread evenly in the logarithm. */
const GAINS = Array.from({ length: 16 }, (_, i) => 0.5 * 2 ** (i / 7.5))
/** A few input channels carry much larger weights in every row, as in trained transformers. */
const OUTLIER_CHANNELS = 1 / 256
const OUTLIER_GAIN = 2.5
const quantiles = studentQuantiles()

/**
 * Yields the bytes of a tensor in pieces of at most about `chunk` values. The values depend on
 * the seed and the tensor's name only, so that one tensor can be made without the others.
 */
export function* tensorBytes({ name, shape, kind }, dtype, seed, chunk = 2 ** 18) {
  if (kind === 'counter') {
    yield new Uint8Array(new BigInt64Array([100_000n]).buffer)
    return
  }
  const cols = shape.length < 2 ? 1 : shape.slice(1).reduce((a, b) => a * b, 1)
  const random = generator(hashName(name) ^ seed)
  const fill = kind === 'weight' || kind === 'table' ? matrixFiller : vectorFiller
  const fillRows = fill({ kind, cols, random, dtype })
  const rowsPerChunk = Math.max(1, Math.floor(chunk / cols))
  for (let row = 0; row < shape[0]; row += rowsPerChunk) {
    const rows = Math.min(rowsPerChunk, shape[0] - row)
    const out = dtype === 'F16' ? new Uint16Array(rows * cols) : new Float32Array(rows * cols)
    fillRows(out)
    yield new Uint8Array(out.buffer)
  }
}

/** Weights of linear and convolution layers: size 1 / sqrt(inputs); tables: about 0.02. */
function matrixFiller({ kind, cols, random, dtype }) {
  const deviation = kind === 'table' ? 0.015 : 1 / Math.sqrt(cols)
  const { tables, outliers } = gainTables(deviation, dtype)
  const channels = cols < 64 ? [] : pickChannels(cols, random)
  return (out) => {
    for (let start = 0; start < out.length; start += cols) {
      const gain = random() >>> 28
      fillRow(out, start, start + cols, tables[gain], random)
      for (const channel of channels) {
        out[start + channel] = outliers[gain][random() >>> (32 - TABLE_BITS)]
      }
    }
  }
}

const gainTableCache = new Map()

/** The quantiles at each row gain, encoded; made once for each input size of the model. */
function gainTables(deviation, dtype) {
  const key = `${dtype} ${deviation}`
  const cached = gainTableCache.get(key)
  if (cached) return cached
  const encodeGain = (gain) => encodeAll(quantiles, gain * deviation, dtype)
  const made = {
    tables: GAINS.map(encodeGain),
    outliers: GAINS.map((gain) => encodeGain(OUTLIER_GAIN * gain)),
  }
  gainTableCache.set(key, made)
  return made
}

/** The inner loop: xorshift32, inlined, and one table look-up a value. */
function fillRow(out, start, end, table, random) {
  let state = random() | 1
  for (let i = start; i < end; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    out[i] = table[state >>> (32 - TABLE_BITS)]
  }
}

function pickChannels(cols, random) {
  const count = Math.ceil(cols * OUTLIER_CHANNELS)
  return Array.from({ length: count }, () => random() % cols)
}

/** Everything small: one value at a time, by kind. */
function vectorFiller({ kind, cols, random, dtype }) {
  const draw = () => quantiles[random() >>> (32 - TABLE_BITS)]
  const middle = (cols - 1) / 2
  const value = {
    bias: () => 0.05 * draw(),
    norm: () => 1 + 0.1 * draw(),
    variance: () => 1 + 0.5 * Math.min(4, Math.abs(draw())),
    'layer-scale': () => 0.1 + 0.02 * draw(),
    'identity-conv': (i) => (i % cols === middle ? 1 : 0) + (0.3 / Math.sqrt(cols)) * draw(),
  }[kind]
  return (out) => {
    const values = Float32Array.from(out, (_, i) => value(i))
    out.set(encodeAll(values, 1, dtype))
  }
}

function encodeAll(values, factor, dtype) {
  const scaled = Float32Array.from(values, (value) => value * factor)
  return dtype === 'F16' ? Uint16Array.from(scaled, toFloat16) : scaled
}

const floatView = new Float32Array(1)
const bitsView = new Uint32Array(floatView.buffer)

/** The bits of the nearest float16, ties to even; what is too large becomes the largest. */
export function toFloat16(value) {
  floatView[0] = value
  const bits = bitsView[0]
  const sign = (bits >>> 16) & 0x8000
  const magnitude = Math.abs(floatView[0])
  if (magnitude >= 65504) return sign | 0x7bff
  // Below 2^-14 the step is 2^-24 throughout; above, it is 2^-10 of the power of two.
  if (magnitude < 2 ** -14) return sign | roundHalfToEven(magnitude * 2 ** 24)
  const exponent = ((bits >>> 23) & 0xff) - 127
  const rounded = roundHalfToEven(magnitude * 2 ** (10 - exponent)) - 1024
  return sign | (((exponent + 15) << 10) + rounded)
}

function roundHalfToEven(x) {
  const shift = 1.5 * 2 ** 52
  return x + shift - shift
}

/**
 * Quantiles of Student's t with 4 degrees of freedom, scaled to a standard deviation of 1.
 * Closed form: Shaw, "Sampling Student's T distribution", J. Comp. Finance 9(4), 2006, section 3.
 */
function studentQuantiles() {
  return Float64Array.from({ length: TABLE_SIZE }, (_, i) => {
    const p = (i + 0.5) / TABLE_SIZE
    const alpha = Math.sqrt(4 * p * (1 - p))
    const t = 2 * Math.sqrt(Math.cos(Math.acos(alpha) / 3) / alpha - 1)
    return (p < 0.5 ? -t : t) / Math.SQRT2
  })
}

/** 32-bit numbers, one a call (Marsaglia's xorshift); the seed is mixed and never 0. */
function generator(seed) {
  let state = Math.imul(seed ^ (seed >>> 16), 0x45d9f3b) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** FNV-1a. */
function hashName(name) {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  }
  return hash
}
