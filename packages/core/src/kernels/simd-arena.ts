import { HALF_BINS } from './histogram.ts'
import { KEYS } from './half-keys.ts'
import { CHUNK } from './pieces.ts'
import { SIMD_KERNELS_BASE64 } from './simd-bytes.ts'

/** Bytes that a vector loop may read or write past the end of a buffer. */
const SLACK = 64

/** Candidate scales that one block may have. */
const MAX_CANDIDATES = 256

/** Where each buffer lies in the module's memory of 4 MiB; address 0 means "none" to a kernel. */
export type Addresses = {
  readonly x: number
  readonly weights: number
  /** Room for two float32 a value. */
  readonly out: number
  readonly scale: number
  readonly zeroPoint: number
  readonly fractions: number
  readonly candidates: number
  readonly totals: number
  /** Four uint32 for each bin of a histogram; all zero between calls. */
  readonly bins: number
  /** A float64 for each key of a half, twice, and a byte for each 64; all zero between calls. */
  readonly keyWeights: number
  readonly keySums: number
  readonly keyFlags: number
  /** Keys and sums that were gathered. */
  readonly keys: number
  readonly sums: number
  /** A byte for each key of a half. */
  readonly lowest: number
  /** A float64 and a uint32 for each position among sorted points. */
  readonly prefixes: number
  readonly from: number
}

/** The functions of assembly/index.ts; arguments are addresses and counts. */
export type SimdFunction =
  | 'halfToFloat'
  | 'bfloat16ToFloat'
  | 'floatToHalf'
  | 'packNibbles'
  | 'blockExtremes'
  | 'encodeBlocks'
  | 'decodeBlocks'
  | 'clearNotFinite'
  | 'addErrors'
  | 'searchBlocks'
  | 'valueEnds'
  | 'countBins'
  | 'packBits'
  | 'unpackBits'
  | 'addDistinct'
  | 'gatherDistinct'
  | 'nearestEntries'
  | 'nearestVectors'
  | 'clusterAtPrice'
  | 'scanRows'
  | 'errorSums'
  | 'lookUp'

/** One instance of the SIMD module and its memory, which never grows. */
export type Arena = {
  readonly at: Addresses
  /** Calls a function; 0 when it returns nothing. */
  readonly run: (name: SimdFunction, ...args: readonly number[]) => number
  readonly floats: (address: number, length: number) => Float32Array
  readonly doubles: (address: number, length: number) => Float64Array
  readonly words: (address: number, length: number) => Uint32Array
  readonly halves: (address: number, length: number) => Uint16Array
  readonly bytes: (address: number, length: number) => Uint8Array
  readonly codes: (address: number, length: number) => Int8Array
}

/** Compiles and starts the module; needs no I/O and no permission but WebAssembly itself. */
export function createArena(): Arena {
  const bytes = Uint8Array.from(atob(SIMD_KERNELS_BASE64), (char) => char.codePointAt(0) ?? 0)
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {})
  const memory = exports['memory']
  if (!(memory instanceof WebAssembly.Memory)) throw new TypeError('SIMD module without memory')
  const { buffer } = memory
  return {
    at: addresses(),
    run(name, ...args) {
      const kernel = exports[name]
      if (typeof kernel !== 'function') throw new TypeError(`SIMD module without ${name}`)
      const result: unknown = kernel(...args)
      return typeof result === 'number' ? result : 0
    },
    floats: (address, length) => new Float32Array(buffer, address, length),
    doubles: (address, length) => new Float64Array(buffer, address, length),
    words: (address, length) => new Uint32Array(buffer, address, length),
    halves: (address, length) => new Uint16Array(buffer, address, length),
    bytes: (address, length) => new Uint8Array(buffer, address, length),
    codes: (address, length) => new Int8Array(buffer, address, length),
  }
}

function addresses(): Addresses {
  let next = 1024
  const reserve = (sizeInBytes: number): number => {
    const address = next
    next += sizeInBytes + SLACK
    return address
  }
  return {
    x: reserve(4 * CHUNK),
    weights: reserve(4 * CHUNK),
    out: reserve(8 * CHUNK),
    scale: reserve(4 * CHUNK),
    zeroPoint: reserve(CHUNK),
    fractions: reserve(4 * MAX_CANDIDATES),
    candidates: reserve(4 * MAX_CANDIDATES),
    totals: reserve(8 * MAX_CANDIDATES),
    bins: reserve(16 * 2 * HALF_BINS),
    keyWeights: reserve(8 * KEYS),
    keySums: reserve(8 * KEYS),
    keyFlags: reserve(KEYS / 64),
    keys: reserve(2 * KEYS),
    sums: reserve(8 * KEYS),
    lowest: reserve(KEYS),
    prefixes: reserve(8 * KEYS),
    from: reserve(4 * KEYS),
  }
}
