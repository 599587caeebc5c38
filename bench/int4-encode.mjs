// int4 in blocks of 32 beside ONNX Runtime's own quantizer, on the same matrices:
//   pip install -r bench/requirements.txt
//   npm run -s bench:int4-encode               (PYTHON names the interpreter; else .venv, else python3)
// Each takes float32 matrices and gives packed codes and scales; the fastest of 15 runs. Mixbit uses
// one thread, ONNX Runtime what it likes. "error" is the squared error of the decoded weights,
// beside that of the first row.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

import { encodeMatrix } from '../packages/core/dist/algorithms/encode-matrix.js'
import { loadSimdKernels } from '../packages/core/dist/kernels/simd.js'
import { tensorBytes } from './checkpoint/values.mjs'
import { root } from './run-mixbit.mjs'

const RUNS = 15
const BLOCK = 32

const folder = mkdtempSync(join(tmpdir(), 'mixbit-int4-'))
try {
  compare('made up, 4864 x 896', [madeUp(4864, 896)])
  compare('decoder of fastvlm-nano, 28 matrices', trained())
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function compare(title, matrices) {
  const values = matrices.reduce((sum, { rows, cols }) => sum + rows * cols, 0)
  const results = [...peers(matrices), ...ours(matrices)]
  const [first] = results
  console.log(`${title}: ${values} values`)
  console.log(
    '  ',
    'quantizer'.padEnd(42),
    'ms'.padStart(8),
    'bits a value'.padStart(13),
    'error'.padStart(7),
  )
  for (const { name, seconds, bytes, squaredError } of results) {
    const columns = [
      (seconds * 1000).toFixed(1).padStart(8),
      ((8 * bytes) / values).toFixed(2).padStart(13),
      (squaredError / first.squaredError).toFixed(3).padStart(7),
    ]
    console.log('  ', name.padEnd(42), ...columns)
  }
}

function ours(matrices) {
  const kernels = loadSimdKernels()
  return ['round', 'mse'].flatMap((algorithm) =>
    [true, false].map((symmetric) => {
      const spec = {
        blockLength: BLOCK,
        integer: 'int4',
        symmetric,
        scaleDtype: 'float16',
        decodeDtype: 'float32',
        algorithm,
      }
      let encoded = []
      const seconds = fastest(() => {
        encoded = matrices.map(({ x, rows, cols }) => {
          const matrix = encodeMatrix(kernels, x, { ...spec, rows, cols })
          const packed = new Uint8Array(x.length / 2)
          kernels.packNibbles(packed, matrix.codes, 8)
          return { ...matrix, packed }
        })
      })
      const sum = (part) => encoded.reduce((total, matrix) => total + part(matrix), 0)
      return {
        name: `mixbit ${algorithm}, ${symmetric ? 'symmetric' : 'asymmetric'}, fp16 scales`,
        seconds,
        bytes: sum(({ packed, scale }) => packed.length + (symmetric ? 2 : 2.5) * scale.length),
        squaredError: sum(({ error }) => error.squaredError),
      }
    }),
  )
}

function peers(matrices) {
  const jobs = matrices.map(({ x, rows, cols }, index) => {
    const path = join(folder, `${index}.f32`)
    writeFileSync(path, new Uint8Array(x.buffer, x.byteOffset, x.byteLength))
    return { path, rows, cols }
  })
  const input = JSON.stringify({ runs: RUNS, block: BLOCK, jobs })
  const local = join(root, '.venv', 'bin', 'python')
  const python = process.env.PYTHON ?? (existsSync(local) ? local : 'python3')
  const { status, stdout, stderr, error } = spawnSync(python, ['bench/int4_encode.py'], {
    cwd: root,
    input,
    encoding: 'utf8',
  })
  if (error) throw error
  if (status !== 0) throw new Error(`bench/int4_encode.py ended with ${status}\n${stderr}`)
  return JSON.parse(stdout)
}

/** The run that other programs disturbed least. */
function fastest(work) {
  const times = Array.from({ length: RUNS }, () => {
    const started = performance.now()
    work()
    return (performance.now() - started) / 1000
  })
  return Math.min(...times)
}

function madeUp(rows, cols) {
  const tensor = { name: 'matrix', shape: [rows, cols], kind: 'weight' }
  const bytes = Buffer.concat([...tensorBytes(tensor, 'F32', 1)])
  return { rows, cols, x: new Float32Array(Uint8Array.from(bytes).buffer) }
}

/** The linear weights of the fixture's decoder, as float32. */
function trained() {
  const file = readFileSync(join(root, 'fixtures/fastvlm-nano/model.safetensors'))
  const start = 8 + Number(file.readBigUInt64LE(0))
  const header = JSON.parse(file.toString('utf8', 8, start))
  return Object.entries(header)
    .filter(([name]) => /^model\.layers\..*_proj\.weight$/u.test(name))
    .map(
      ([
        ,
        {
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        const bits = new Uint16Array(
          Uint8Array.from(file.subarray(start + from, start + to)).buffer,
        )
        const x = Float32Array.from(bits, halfValue)
        return { rows: shape[0], cols: shape[1], x }
      },
    )
}

/** Of a finite fp16. */
function halfValue(half) {
  const sign = half < 0x8000 ? 1 : -1
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}
