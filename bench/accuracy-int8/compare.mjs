// Accuracy of int8 files of Mixbit and of its peers, on the same calibration data and in the same runtime:
//   node bench/accuracy-int8/compare.mjs <folder of tasks> <python with the peers> [task ...]
// Each quantizer runs in a process of its own; every file is then run by onnxruntime-node on the same inputs, and
// judged sample by sample against the float model, and against labels where there are some.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'

import { INTEGER, optimisedNodes } from '../int8/optimised.mjs'
import { root, runMixbit } from '../run-mixbit.mjs'
import { divergence, mean, rightPlaces } from './divergence.mjs'
import { flipTest, meanTest, rankTest } from './paired-tests.mjs'
import { readTask, runAll } from './task-data.mjs'
import { printTask } from './tables.mjs'

const STATIC_PEERS = ['ort-minmax', 'ort-entropy', 'ort-percentile', 'nncf']

const [given, python, ...wanted] = process.argv.slice(2)
const tasks = resolve(given)
const names = wanted.length > 0 ? wanted : readdirSync(tasks).toSorted()
for (const name of names) {
  if (existsSync(join(tasks, name, 'task.json'))) await compareTask(name)
}

/** Writes results.json into the task's folder, and prints it. */
async function compareTask(name) {
  const folder = join(tasks, name)
  const task = readTask(folder)
  const float = await runAll(join(folder, 'model.onnx'), task.samples)
  const calibration = ['--calibration', join(folder, 'calibration.json')]
  const made = [
    mixbit(folder, 'mixbit', ['--precision', 'w8a8', ...calibration]),
    ...STATIC_PEERS.map((method) => peer(folder, method)),
    mixbit(folder, 'mixbit-dynamic', ['--precision', 'dynamic']),
    peer(folder, 'ort-dynamic'),
  ]
  const rows = []
  for (const one of made) rows.push(await judged(one, folder, task, float))
  const own = (row) =>
    rows.find(({ method }) => method === (isDynamic(row) ? 'mixbit-dynamic' : 'mixbit'))
  const result = {
    task: name,
    samples: float.length,
    metric: task.metric,
    floatBytes: statSync(join(folder, 'model.onnx')).size,
    floatAccuracy: accuracyOf(
      float.map((output, at) => rightOf(output, task, at)),
      task,
    ),
    rows: rows.map((row) => ({
      ...row,
      scores: undefined,
      right: undefined,
      ours: verdict(own(row), row, task),
    })),
  }
  writeFileSync(join(folder, 'results.json'), JSON.stringify(result, null, 1))
  printTask(result)
}

function isDynamic({ method }) {
  return method.endsWith('dynamic')
}

function mixbit(folder, method, options) {
  const file = join(folder, `${method}.onnx`)
  try {
    const model = join(folder, 'model.onnx')
    const written = ['-o', file, '--force', '--quiet']
    const { seconds, cpuSeconds, peakBytes } = runMixbit([
      'quantize',
      model,
      ...options,
      ...written,
    ])
    return { method, file, seconds, cpuSeconds, peakBytes }
  } catch (error) {
    return { method, failed: lastLine(error.message) }
  }
}

function peer(folder, method) {
  const file = join(folder, `${method}.onnx`)
  const script = join(root, 'bench', 'accuracy-int8', 'peer.py')
  const started = performance.now()
  const { status, stdout, stderr } = spawnSync(python, [script, method, folder, file], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: 3_600_000,
  })
  const seconds = (performance.now() - started) / 1000
  if (status !== 0) return { method, failed: lastLine(stderr) }
  return { method, file, seconds, ...JSON.parse(lastLine(stdout)) }
}

function lastLine(text) {
  return text.trimEnd().split('\n').at(-1) ?? ''
}

async function judged(one, folder, task, float) {
  if (one.failed !== undefined) return one
  const bytes = statSync(one.file).size
  try {
    const nodes = await optimisedNodes(one.file, folder)
    const integers = nodes.filter(({ opType }) => INTEGER.has(opType)).length
    const outputs = await runAll(one.file, task.samples)
    const scores = outputs.map((output, at) =>
      divergence(float[at], output, task.metric, task.judged?.[at] ?? null),
    )
    const right = outputs.map((output, at) => rightOf(output, task, at))
    const accuracy = accuracyOf(right, task)
    return { ...one, bytes, integers, scores, right, score: mean(scores), accuracy }
  } catch (error) {
    return { ...one, bytes, failed: lastLine(error.message) }
  }
}

function rightOf(output, { judged: places }, at) {
  return places === null ? 0 : rightPlaces(output, places[at])
}

/** Part of the judged places whose class is on top; null where there are no labels. */
function accuracyOf(right, { judged: places }) {
  if (places === null) return null
  const total = places.reduce((sum, each) => sum + each.length, 0)
  return right.reduce((a, b) => a + b, 0) / total
}

/**
 * `better`, `equal` or `worse`: ours beside theirs, paired by sample, two-sided at 95 %. Labels: exact, McNemar's where a
 * sample has one. Divergence: signed ranks, and the bootstrap of the mean.
 */
function verdict(own, row, { judged: places }) {
  if (row === own || row.failed !== undefined || own.failed !== undefined) return null
  const less = own.scores.map((score, at) => row.scores[at] - score)
  const ours = { ranks: rankTest(less), mean: meanTest(less) }
  if (places === null) return ours
  const more = own.right.map((right, at) => right - row.right[at])
  const gained = more.filter((count) => count > 0).length
  const lost = more.filter((count) => count < 0).length
  return { accuracy: flipTest(more), gained, lost, ...ours }
}
