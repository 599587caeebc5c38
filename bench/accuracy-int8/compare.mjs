// Accuracy of int8 files of Mixbit and of its peers, on the same calibration data and in the same runtime:
//   node bench/accuracy-int8/compare.mjs <tasks folder of prepare.py> <python with the peers> [task ...]
// Each quantizer runs in a process of its own; every file is then run by onnxruntime-node on the same inputs, and
// judged sample by sample against the float model, or against labels. `worse` is a paired test at 95 %.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ort from 'onnxruntime-node'

import { optimisedNodes } from '../int8/optimised.mjs'
import { root, runMixbit } from '../run-mixbit.mjs'

const PEERS = ['ort-minmax', 'ort-entropy', 'ort-percentile', 'nncf', 'ort-dynamic']

const [tasks, python, ...wanted] = process.argv.slice(2)
const names = wanted.length > 0 ? wanted : readdirSync(tasks).toSorted()
const results = []
for (const name of names) {
  if (existsSync(join(tasks, name, 'task.json'))) results.push(...(await compareTask(name)))
}
writeFileSync(join(tasks, 'results.json'), JSON.stringify(results, null, 1))

async function compareTask(name) {
  const folder = join(tasks, name)
  const task = JSON.parse(readFileSync(join(folder, 'task.json'), 'utf8'))
  const samples = readSamples(folder)
  const labels = task.labels ? readNpy(join(folder, 'labels.npy')).data : null
  const float = await runAll(join(folder, 'model.onnx'), samples)
  const made = [
    mixbit(folder, 'mixbit', [
      '--precision',
      'w8a8',
      '--calibration',
      join(folder, 'calibration.json'),
    ]),
    ...PEERS.slice(0, 4).map((method) => peer(folder, method)),
    mixbit(folder, 'mixbit-dynamic', ['--precision', 'dynamic']),
    peer(folder, 'ort-dynamic'),
  ]
  const rows = []
  for (const one of made)
    rows.push({ task: name, ...(await judged(one, folder, samples, float, labels, task.metric)) })
  const own = { static: rows[0], dynamic: rows[5] }
  for (const row of rows)
    row.ours = verdict(row.method.endsWith('dynamic') ? own.dynamic : own.static, row)
  print(name, rows, float, labels)
  return rows.map((row) => ({ ...row, scores: undefined, right: undefined }))
}

function mixbit(folder, method, options) {
  const file = join(folder, `${method}.onnx`)
  try {
    const model = join(folder, 'model.onnx')
    const written = ['-o', file, '--force', '--quiet']
    const { seconds, peakBytes } = runMixbit(['quantize', model, ...options, ...written])
    return { method, file, seconds, peakBytes }
  } catch (error) {
    return { method, failed: lastLine(error.message) }
  }
}

function peer(folder, method) {
  const file = join(folder, `${method}.onnx`)
  const script = join(root, 'bench', 'accuracy-int8', 'peer.py')
  const { status, stdout, stderr } = spawnSync(python, [script, method, folder, file], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: 900_000,
  })
  if (status !== 0) return { method, failed: lastLine(stderr) }
  return { method, file, ...JSON.parse(lastLine(stdout)) }
}

function lastLine(text) {
  return text.trimEnd().split('\n').at(-1) ?? ''
}

async function judged(one, folder, samples, float, labels, metric) {
  if (one.failed !== undefined) return one
  const bytes = statSync(one.file).size
  try {
    const nodes = await optimisedNodes(one.file, folder)
    const integers = nodes.filter(({ opType }) =>
      /^(QLinear(Conv|MatMul)|QGemm|.*MatMulInteger.*|ConvInteger|DynamicQuantize.*)$/.test(opType),
    ).length
    const outputs = await runAll(one.file, samples)
    const scores = outputs.map((output, at) => divergence(float[at], output, metric))
    const right =
      labels === null ? null : outputs.map((output, at) => argmax(output) === Number(labels[at]))
    return {
      ...one,
      bytes,
      integers,
      scores,
      right,
      score: mean(scores),
      accuracy: right === null ? null : mean(right.map(Number)),
    }
  } catch (error) {
    return { ...one, bytes, failed: lastLine(error.message) }
  }
}

/** How far a sample's output is from the float model's: smaller is better. */
function divergence(float, output, metric) {
  if (metric === 'boxes') {
    // Columns of (4 box edges, classes): relative squared error of boxes, and of scores.
    const columns = float.data.length / 22
    return (
      relative(float.data.subarray(0, 4 * columns), output.data.subarray(0, 4 * columns)) +
      relative(float.data.subarray(4 * columns), output.data.subarray(4 * columns))
    )
  }
  if (metric === 'bernoulli') {
    let sum = 0
    for (let i = 0; i < float.data.length; i++) sum += bernoulli(float.data[i], output.data[i])
    return sum / float.data.length
  }
  const classes = float.dims.at(-1)
  let sum = 0
  for (let start = 0; start < float.data.length; start += classes) {
    const [p, q] = [float, output].map(({ data }) =>
      distribution(data.subarray(start, start + classes), metric),
    )
    for (let i = 0; i < classes; i++)
      if (p[i] > 0) sum += p[i] * Math.log(p[i] / Math.max(q[i], 1e-12))
  }
  return (sum * classes) / float.data.length
}

function relative(a, b) {
  let [error, signal] = [0, 0]
  for (let i = 0; i < a.length; i++) {
    error += (a[i] - b[i]) ** 2
    signal += a[i] ** 2
  }
  return error / signal
}

function bernoulli(p, q) {
  const [a, b] = [p, q].map((x) => Math.min(1 - 1e-6, Math.max(1e-6, x)))
  return a * Math.log(a / b) + (1 - a) * Math.log((1 - a) / (1 - b))
}

function distribution(values, metric) {
  const list = Array.from(values)
  if (metric === 'probabilities') {
    const total = list.reduce((a, b) => a + b, 0)
    return list.map((x) => x / total)
  }
  const largest = Math.max(...list)
  const powers = list.map((x) => Math.exp(x - largest))
  const total = powers.reduce((a, b) => a + b, 0)
  return powers.map((x) => x / total)
}

/** `better`, `equal` or `worse`: ours beside theirs, paired, two-sided at 95 %. */
function verdict(own, row) {
  if (row === own || row.failed !== undefined || own.failed !== undefined) return ''
  const byScore = own.scores.map((score, at) => row.scores[at] - score)
  if (own.right !== null) {
    const gained = own.right.filter((right, at) => right && !row.right[at]).length
    const lost = own.right.filter((right, at) => !right && row.right[at]).length
    return `${signTest(gained, lost)} (${gained}:${lost}), KL ${rankTest(byScore)}`
  }
  return rankTest(byScore)
}

/** McNemar's exact test. */
function signTest(gained, lost) {
  const n = gained + lost
  let tail = 0
  let term = 0.5 ** n
  for (let k = 0; k <= Math.min(gained, lost); k++) {
    tail += term
    term *= (n - k) / (k + 1)
  }
  if (Math.min(1, 2 * tail) >= 0.05) return 'equal'
  return gained > lost ? 'better' : 'worse'
}

/** Wilcoxon's signed ranks with the normal approximation; positive differences are better. */
function rankTest(differences) {
  const list = differences.filter((x) => x !== 0).toSorted((a, b) => Math.abs(a) - Math.abs(b))
  const n = list.length
  if (n < 10) return 'equal'
  let positive = 0
  for (let start = 0; start < n;) {
    let end = start + 1
    while (end < n && Math.abs(list[end]) === Math.abs(list[start])) end++
    const rank = (start + 1 + end) / 2
    for (let i = start; i < end; i++) if (list[i] > 0) positive += rank
    start = end
  }
  const z = (positive - (n * (n + 1)) / 4) / Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24)
  if (Math.abs(z) < 1.96) return 'equal'
  return z > 0 ? 'better' : 'worse'
}

async function runAll(path, samples) {
  const session = await ort.InferenceSession.create(path, {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  })
  const outputs = []
  for (const sample of samples) {
    const results = await session.run(sample)
    const { data, dims } = results[session.outputNames[0]]
    outputs.push({ data: data.slice(), dims })
  }
  await session.release()
  return outputs
}

function readSamples(folder) {
  const { inputs } = JSON.parse(readFileSync(join(folder, 'evaluation.json'), 'utf8'))
  const arrays = Object.entries(inputs).map(([name, path]) => [name, readNpy(join(folder, path))])
  const count = arrays[0][1].shape[0]
  return Array.from({ length: count }, (_, at) =>
    Object.fromEntries(
      arrays.map(([name, { type, data, shape }]) => {
        const size = data.length / count
        const part = data.slice(at * size, (at + 1) * size)
        return [name, new ort.Tensor(type, part, shape.slice(1))]
      }),
    ),
  )
}

function readNpy(path) {
  const bytes = readFileSync(path)
  const start = 10 + bytes.readUInt16LE(8)
  const header = bytes.toString('latin1', 10, start)
  const shape = header
    .match(/'shape': \(([^)]*)\)/)[1]
    .split(',')
    .filter((x) => x.trim() !== '')
    .map(Number)
  const buffer = bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length)
  if (header.includes("'<f4'")) return { type: 'float32', shape, data: new Float32Array(buffer) }
  if (header.includes("'<i4'")) return { type: 'int32', shape, data: new Int32Array(buffer) }
  return { type: 'int64', shape, data: new BigInt64Array(buffer) }
}

function argmax({ data }) {
  return data.indexOf(data.reduce((a, b) => Math.max(a, b), -Infinity))
}

function mean(list) {
  return list.reduce((a, b) => a + b, 0) / list.length
}

function print(name, rows, float, labels) {
  const accuracy =
    labels === null
      ? ''
      : `, float ${(100 * mean(float.map((output, at) => Number(argmax(output) === Number(labels[at]))))).toFixed(2)} %`
  console.log(`\n${name}: ${float.length} samples${accuracy}`)
  console.log('method            accuracy  divergence      kB  int ops    s   MB  ours is')
  for (const row of rows) {
    if (row.failed !== undefined) {
      console.log(`${row.method.padEnd(16)}  failed: ${row.failed.slice(0, 110)}`)
      continue
    }
    const cells = [
      row.accuracy === null ? '' : (100 * row.accuracy).toFixed(2),
      row.score.toExponential(3),
      (row.bytes / 1000).toFixed(0),
      row.integers,
      row.seconds.toFixed(1),
      (row.peakBytes / 1e6).toFixed(0),
    ]
    const widths = [8, 10, 6, 7, 5, 5]
    console.log(
      `${row.method.padEnd(16)}  ${cells.map((cell, i) => String(cell).padStart(widths[i])).join(' ')}  ${row.ours}`,
    )
  }
}
