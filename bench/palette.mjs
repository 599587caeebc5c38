// Palettes, sparsity and vectors on the built files, and beside coremltools where it is there:
//   npm run build && PYTHON=/path/to/python node bench/palette.mjs
// PYTHON names an interpreter with coremltools, and with scikit-learn for vectors; without it only
// Mixbit is timed. One made-up fp16 matrix; the fastest of some runs in processor time, as other
// programs may run. "MSE" is the mean squared error of the decoded weights, and what follows
// it that of coremltools divided by ours.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { encodeWeight } from '../packages/core/dist/algorithms/encode-weight.js'
import { loadSimdKernels } from '../packages/core/dist/kernels/simd.js'
import { root } from './run-mixbit.mjs'

const SHAPE = [512, 4608]
const RUNS = 5
const PEER_RUNS = 2

const kernels = loadSimdKernels()
const bits = new Uint16Array(SHAPE[0] * SHAPE[1])
const x = new Float32Array(bits.length)
kernels.floatToHalf(bits, madeUp(bits.length))
kernels.halfToFloat(x, bits)

const TENSOR = { kind: 'per-tensor' }
const groups = (blockSize) => ({ kind: 'per-block', axis: 0, blockSize })

/** What the peer is asked for stands beside the scheme; `group` 0 is the whole tensor. */
const cases = [
  ['palette1', palette(1), { bits: 1, group: 0 }],
  ['palette2', palette(2), { bits: 2, group: 0 }],
  ['palette4', palette(4), { bits: 4, group: 0 }],
  ['palette6', palette(6), { bits: 6, group: 0 }],
  ['palette8', palette(8), { bits: 8, group: 0 }],
  ['palette4/g16', palette(4, { granularity: groups(16) }), { bits: 4, group: 16 }],
  ['palette4/g4', palette(4, { granularity: groups(4) }), { bits: 4, group: 4 }],
  ['palette4x2', palette(4, { vectorSize: 2 }), { bits: 4, group: 0, vector: 2 }],
  ['palette4/g16/int8', palette(4, { granularity: groups(16), table: 'int8' }), null],
  ['palette4/scale', palette(4, { channelScale: true }), null],
  ['sparse50+fp16', sparse({ kind: 'fraction', zeros: 0.5 }), { sparsity: 0.5 }],
  ['sparse2:4+fp16', sparse({ kind: 'n-of-m', n: 2, m: 4 }), { zerosOf: [2, 4] }],
  ['sparse50+palette4', sparse({ kind: 'fraction', zeros: 0.5 }, palette(4)), null],
]

const ours = cases.map(([, scheme]) => timed(scheme))
const theirs = peers(cases.map(([, , peer]) => peer))
console.log(`${SHAPE.join(' x ')} fp16 values, one thread`)
printRow('precision', 'ms', 'M values/s', 'MSE', 'coremltools', 'ms', 'times')
for (const [i, [name]] of cases.entries()) {
  const { ms, mse } = ours[i]
  const peer = theirs?.[i] ?? null
  const speed = (x.length / ms / 1000).toFixed(1)
  const rest =
    peer === null
      ? ['', '', '']
      : [(peer.mse / mse).toFixed(4), peer.ms.toFixed(0), (peer.ms / ms).toFixed(1)]
  printRow(name, ms.toFixed(1), speed, mse.toExponential(3), ...rest)
}

function palette(bits, part = {}) {
  const plain = { vectorSize: 1, table: 'float', channelScale: false, granularity: TENSOR }
  return { kind: 'palette', bits, ...plain, ...part }
}

function sparse(pattern, values = { kind: 'float', dtype: 'float16' }) {
  return { kind: 'sparse', pattern, values }
}

function timed(scheme) {
  const spec = {
    shape: SHAPE,
    outputAxis: 0,
    inputAxis: 1,
    scheme,
    algorithm: 'round',
    paletteRule: 'kmeans',
    decodeDtype: 'float16',
  }
  let fastest = Infinity
  let error = 0
  for (let run = 0; run < RUNS; run++) {
    const started = process.cpuUsage()
    error = encodeWeight(kernels, x, spec).error.squaredError
    const { user, system } = process.cpuUsage(started)
    fastest = Math.min(fastest, (user + system) / 1000)
  }
  return { ms: fastest, mse: error / x.length }
}

/** coremltools on the same values; null without it. */
function peers(jobs) {
  const python = process.env.PYTHON
  if (python === undefined) return null
  const folder = mkdtempSync(join(tmpdir(), 'mixbit-palette-'))
  try {
    const path = join(folder, 'values.f16')
    writeFileSync(path, new Uint8Array(bits.buffer))
    const input = JSON.stringify({ path, shape: SHAPE, runs: PEER_RUNS, jobs })
    const options = { cwd: root, input, encoding: 'utf8' }
    const { status, stdout, stderr, error } = spawnSync(python, ['bench/palette.py'], options)
    if (error) throw error
    if (status !== 0) throw new Error(`bench/palette.py ended with ${status}\n${stderr}`)
    return JSON.parse(stdout)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** About normal, standard deviation 0.02, a few values ten times that. */
function madeUp(length) {
  let state = 1
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state ^ (state >>> 15)) >>> 0
  }
  const uniform = () => (next() + 0.5) / 2 ** 32
  return Float32Array.from({ length }, () => {
    const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
    return normal * (next() % 1000 === 0 ? 0.2 : 0.02)
  })
}

function printRow(name, ...columns) {
  console.log(name.padEnd(20), ...columns.map((column) => column.padStart(12)))
}
