import { roundToHalf } from '../tensor/float16.ts'
import { requireBlocks, requireFit } from './fit.ts'
import { simdAddToHistogram, simdValueEnds } from './histogram-simd.ts'
import type { BlockSpec, DecodeSpec, Kernels } from './kernels.ts'
import { CHUNK, pieces } from './pieces.ts'
import { scalarKernels } from './scalar.ts'
import { coveringScale } from './scales.ts'
import { type Arena, createArena, type SimdFunction } from './simd-arena.ts'
import { loadScales, simdCodeErrors, simdErrorSums } from './simd-errors.ts'
import { simdPaletteKernels } from './simd-palette.ts'
import { simdScanHalves, simdScanValues } from './simd-scan.ts'
import { simdMseScales } from './simd-search.ts'

/**
 * The kernels with their hot loops in WebAssembly SIMD, equal to `scalarKernels` bit for bit.
 *
 * Each call makes an instance of its own with 4 MiB of memory, through which arrays of any length
 * pass in chunks. What has no SIMD twin is the scalar function.
 */
export function loadSimdKernels(): Kernels {
  const arena = createArena()
  return {
    ...scalarKernels,
    ...simdPaletteKernels(arena),
    halfToFloat: (out, bits) => widen(arena, 'halfToFloat', out, bits),
    bfloat16ToFloat: (out, bits) => widen(arena, 'bfloat16ToFloat', out, bits),
    floatToHalf: (out, x) => floatToHalf(arena, out, x),
    packNibbles: (out, codes, offset) => packNibbles(arena, out, codes, offset),
    symmetricScales: (scale, x, spec) => symmetricScales(arena, scale, x, spec),
    encodeBlocks: (codes, x, scale, zeroPoint, spec) =>
      encodeBlocks(arena, codes, x, scale, zeroPoint, spec),
    decodeBlocks: (out, codes, scale, zeroPoint, spec) => {
      const decode = isExact(scale, spec) ? decodeBlocks(arena) : scalarKernels.decodeBlocks
      decode(out, codes, scale, zeroPoint, spec)
    },
    codeErrors: (x, codes, scale, zeroPoint, spec) => {
      const measure = isExact(scale, spec) ? simdCodeErrors(arena) : scalarKernels.codeErrors
      return measure(x, codes, scale, zeroPoint, spec)
    },
    mseScales: (scale, zeroPoint, x, importance, spec) => {
      if (zeroPoint !== undefined) {
        scalarKernels.mseScales(scale, zeroPoint, x, importance, spec)
        return
      }
      symmetricScales(arena, scale, x, spec)
      simdMseScales(arena, scale, x, importance, spec)
    },
    errorSums: (x, y) => simdErrorSums(arena, x, y),
    scanValues: (x, cols) => simdScanValues(arena, x, cols),
    scanHalves: (bits, cols) => simdScanHalves(arena, bits, cols),
    valueEnds: (x) => simdValueEnds(arena, x),
    addToHistogram: (histogram, x) => simdAddToHistogram(arena, histogram, x),
  }
}

/** With other scales the float32 product is not exact, and rounding it again could differ. */
function isExact(scale: Float32Array, { dtype }: DecodeSpec): boolean {
  return dtype === 'float32' || scale.every((each) => each === roundToHalf(each))
}

function widen(arena: Arena, name: SimdFunction, out: Float32Array, bits: Uint16Array): void {
  requireFit(out.length === bits.length, `${bits.length} values into ${out.length} floats`)
  const { at } = arena
  // As words, because a NaN may lose its payload when it is copied as a number.
  const outWords = new Uint8Array(out.buffer, out.byteOffset, out.byteLength)
  for (let start = 0; start < bits.length; start += CHUNK) {
    const length = Math.min(CHUNK, bits.length - start)
    arena.halves(at.x, length).set(bits.subarray(start, start + length))
    arena.run(name, at.out, at.x, length)
    outWords.set(arena.bytes(at.out, 4 * length), 4 * start)
  }
}

function floatToHalf(arena: Arena, out: Uint16Array, x: Float32Array): void {
  requireFit(out.length === x.length, `${x.length} floats into ${out.length} halves`)
  const { at } = arena
  for (let start = 0; start < x.length; start += CHUNK) {
    const length = Math.min(CHUNK, x.length - start)
    arena.floats(at.x, length).set(x.subarray(start, start + length))
    arena.run('floatToHalf', at.out, at.x, length)
    out.set(arena.halves(at.out, length), start)
  }
}

function packNibbles(arena: Arena, out: Uint8Array, codes: Int8Array, offset: 0 | 8): void {
  requireFit(out.length === (codes.length + 1) >> 1, `${codes.length} codes, ${out.length} bytes`)
  const { at } = arena
  for (let start = 0; start < codes.length; start += CHUNK) {
    const length = Math.min(CHUNK, codes.length - start)
    const room = arena.codes(at.x, length + 1)
    room.set(codes.subarray(start, start + length))
    room[length] = -offset
    arena.run('packNibbles', at.out, at.x, length, offset)
    out.set(arena.bytes(at.out, (length + 1) >> 1), start / 2)
  }
}

function symmetricScales(
  arena: Arena,
  scale: Float32Array,
  x: Float32Array,
  spec: BlockSpec,
): void {
  requireBlocks(x, scale, undefined, spec.blockLength)
  const { at } = arena
  let low = 0
  let high = 0
  for (const { start, length, block, blocks, blockLength } of pieces(x.length, spec.blockLength)) {
    arena.floats(at.x, length).set(x.subarray(start, start + length))
    arena.run('blockExtremes', at.out, at.x, blockLength, blocks)
    const extremes = arena.floats(at.out, 2 * blocks)
    for (let i = 0; i < blocks; i++) {
      // The parts of a long block come one after another: the last of them sees the whole block.
      const isLaterPart = start > (block + i) * spec.blockLength
      low = Math.min(isLaterPart ? low : 0, extremes[2 * i]!)
      high = Math.max(isLaterPart ? high : 0, extremes[2 * i + 1]!)
      scale[block + i] = coveringScale(low, high, spec)
    }
  }
}

function encodeBlocks(
  arena: Arena,
  codes: Int8Array,
  x: Float32Array,
  scale: Float32Array,
  zeroPoint: Int8Array | undefined,
  spec: BlockSpec,
): void {
  requireBlocks(x, scale, zeroPoint, spec.blockLength)
  requireFit(codes.length === x.length, `${x.length} values, ${codes.length} codes`)
  const { at } = arena
  for (const piece of pieces(x.length, spec.blockLength)) {
    const { start, length, blocks, blockLength } = piece
    arena.floats(at.x, length).set(x.subarray(start, start + length))
    const zeroPoints = loadScales(arena, scale, zeroPoint, piece)
    const range = [blockLength, blocks, spec.qmin, spec.qmax] as const
    arena.run('encodeBlocks', at.out, at.x, at.scale, zeroPoints, ...range)
    codes.set(arena.codes(at.out, length), start)
  }
}

function decodeBlocks(arena: Arena): Kernels['decodeBlocks'] {
  const { at } = arena
  return (out, codes, scale, zeroPoint, spec) => {
    requireBlocks(codes, scale, zeroPoint, spec.blockLength)
    requireFit(codes.length === out.length, `${codes.length} codes, ${out.length} values`)
    const isHalf = spec.dtype === 'float16' ? 1 : 0
    for (const piece of pieces(codes.length, spec.blockLength)) {
      const { start, length, blocks } = piece
      arena.codes(at.x, length).set(codes.subarray(start, start + length))
      const zeroPoints = loadScales(arena, scale, zeroPoint, piece)
      const data = [at.out, at.x, at.scale, zeroPoints] as const
      arena.run('decodeBlocks', ...data, piece.blockLength, blocks, isHalf)
      out.set(arena.floats(at.out, length), start)
    }
  }
}
