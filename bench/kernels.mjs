// Speed of each kernel that has a SIMD twin, on the built files:
//   npm run -s bench:kernels
// GB/s counts every byte that a kernel reads or writes, of one array of 2^20 values.
import { measure } from 'mitata'

import { scalarKernels } from '../packages/core/dist/kernels/scalar.js'
import { loadSimdKernels } from '../packages/core/dist/kernels/simd.js'

const COUNT = 2 ** 20
const BLOCK = 32

let state = 1
const x = Float32Array.from({ length: COUNT }, () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return (state / 2 ** 32 - 0.5) * 0.2
})
const halves = new Uint16Array(COUNT)
scalarKernels.floatToHalf(halves, x)
const floats = new Float32Array(COUNT)
const codes = new Int8Array(COUNT)
const packed = new Uint8Array(COUNT / 2)
const int4 = { qmin: -8, qmax: 7, blockLength: BLOCK }
const search = { ...int4, cols: 1024, scaleDtype: 'float16' }
const int8 = { qmin: -127, qmax: 127, blockLength: 1024 }
const scale = new Float32Array(COUNT / BLOCK)
scalarKernels.symmetricScales(scale, x, int4)
scalarKernels.roundScales(scale, scale, 'float16')
const rowScale = new Float32Array(COUNT / 1024)
scalarKernels.symmetricScales(rowScale, x, int8)
const found = new Float32Array(scale.length)
scalarKernels.encodeBlocks(codes, x, scale, undefined, int4)
const half = { blockLength: BLOCK, dtype: 'float16' }
const histogram = () => ({
  finite: 0,
  notFinite: 0,
  zeros: 0,
  min: Infinity,
  max: -Infinity,
  exponent: -12,
  counts: new Float64Array(8192),
})
const counts = histogram()

/** Name, bytes read and written, and the call. */
const cases = [
  ['halfToFloat', 6 * COUNT, (k) => k.halfToFloat(floats, halves)],
  ['bfloat16ToFloat', 6 * COUNT, (k) => k.bfloat16ToFloat(floats, halves)],
  ['floatToHalf', 6 * COUNT, (k) => k.floatToHalf(halves, x)],
  ['packNibbles', 1.5 * COUNT, (k) => k.packNibbles(packed, codes, 8)],
  ['symmetricScales, 32', 4 * COUNT, (k) => k.symmetricScales(found, x, int4)],
  ['encodeBlocks int4, 32', 5 * COUNT, (k) => k.encodeBlocks(codes, x, scale, undefined, int4)],
  [
    'encodeBlocks int8, rows',
    5 * COUNT,
    (k) => k.encodeBlocks(codes, x, rowScale, undefined, int8),
  ],
  [
    'decodeBlocks to fp16, 32',
    5 * COUNT,
    (k) => k.decodeBlocks(floats, codes, scale, undefined, half),
  ],
  ['mseScales int4, 32', 4 * COUNT, (k) => k.mseScales(found, undefined, x, undefined, search)],
  ['valueEnds', 4 * COUNT, (k) => k.valueEnds(x)],
  ['addToHistogram', 4 * COUNT, (k) => k.addToHistogram(counts, x)],
]

const simdKernels = loadSimdKernels()
console.log(
  'kernel'.padEnd(28),
  'scalar GB/s'.padStart(12),
  'SIMD GB/s'.padStart(12),
  'times'.padStart(8),
)
for (const [name, bytes, call] of cases) {
  const speeds = []
  for (const kernels of [scalarKernels, simdKernels]) {
    const { p50 } = await measure(() => call(kernels))
    speeds.push(bytes / p50)
  }
  const [scalar, simd] = speeds
  const columns = [scalar.toFixed(2).padStart(12), simd.toFixed(2).padStart(12)]
  console.log(name.padEnd(28), ...columns, (simd / scalar).toFixed(1).padStart(8))
}
