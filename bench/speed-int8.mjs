// How fast full int8 is beside float, and how much of it runs on integer kernels, on a ResNet-18 with
// made-up weights:
//   npm run -s bench:speed-int8 -- [--runs 30]
// Both models take turns on one thread, so that what else the machine does falls on both alike.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import ort from 'onnxruntime-node'

import { writePictures, writeResnet } from './int8/make-resnet.mjs'
import { integerMacs, optimisedNodes } from './int8/optimised.mjs'
import { runMixbit } from './run-mixbit.mjs'

const LEAST_SHARE = 0.9
const LEAST_SPEED = 1.8

const at = process.argv.indexOf('--runs')
const runs = at === -1 ? 30 : Number(process.argv[at + 1])
const folder = mkdtempSync(join(tmpdir(), 'mixbit-bench-'))
try {
  const float = join(folder, 'float.onnx')
  const macs = writeResnet(float)
  writePictures(join(folder, 'pictures.npy'), 16, 224, 3)
  const data = join(folder, 'pictures.json')
  writeFileSync(data, JSON.stringify({ kind: 'tensors', inputs: { input: 'pictures.npy' } }))
  await judge('static', float, macs, ['--precision', 'w8a8', '--calibration', data])
  await judge('dynamic', float, macs, ['--precision', 'dynamic'])
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function judge(name, float, macs, options) {
  const int8 = join(folder, `${name}.onnx`)
  const written = ['-o', int8, '--quiet']
  const { seconds, peakBytes } = runMixbit(['quantize', float, ...options, ...written])
  const { share, total } = integerMacs(await optimisedNodes(int8, folder), macs)
  const [before, after] = await medians(float, int8)
  const ratio = before / after
  console.log(
    `${name}: ${(100 * share).toFixed(1)} % of ${(total / 1e9).toFixed(2)} G multiply-accumulates on integers, ` +
      `${before.toFixed(1)} ms float, ${after.toFixed(1)} ms int8: ${ratio.toFixed(2)} times as fast; ` +
      `${megabytes(float)} MB to ${megabytes(int8)} MB in ${seconds.toFixed(1)} s, ${Math.round(peakBytes / 1e6)} MB held`,
  )
  if (name !== 'static') return
  const isKept = share >= LEAST_SHARE && ratio >= LEAST_SPEED
  console.log(
    `at least ${100 * LEAST_SHARE} % and ${LEAST_SPEED} times: ${isKept ? 'kept' : 'BROKEN'}`,
  )
  if (!isKept) process.exitCode = 1
}

/** Median milliseconds of one run of each, taken in turns. */
async function medians(...paths) {
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 }
  const sessions = []
  for (const path of paths) sessions.push(await ort.InferenceSession.create(path, options))
  const input = new ort.Tensor(
    'float32',
    new Float32Array(3 * 224 * 224).fill(0.3),
    [1, 3, 224, 224],
  )
  const times = sessions.map(() => [])
  for (let run = -3; run < runs; run++) {
    for (const [index, session] of sessions.entries()) {
      const started = performance.now()
      await session.run({ input })
      if (run >= 0) times[index].push(performance.now() - started)
    }
  }
  for (const session of sessions) await session.release()
  return times.map((list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)])
}

function megabytes(path) {
  return (statSync(path).size / 1e6).toFixed(1)
}
