// What finding the ranges of activations costs beside running the float model, and whether its memory grows with the
// samples, on a ResNet-18 with made-up weights:
//   npm run -s bench:calibration-cost
// Seconds a sample are the difference of two runs of the command with few and more samples, so that loading and
// writing fall out; one worker, one thread. They are seconds of the processor, of all threads of the process, so that
// what else the machine does weighs less. It still slows memory: so the float model is measured before and after each
// pair of runs, and the figure is the median of five rounds, the least and the most beside it. Memory is the median of
// five runs too: a maximum resident set differs from run to run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ort from 'onnxruntime-node'

import { writePictures, writeResnet } from './int8/make-resnet.mjs'
import { printFigure, runMixbit } from './run-mixbit.mjs'

const ROUNDS = 5
const [FEW, MANY] = [8, 104]
/** Calibrators, and how many times the float model they may cost. */
const LIMITS = { 'min-max': 1.4, auto: 2.5 }

const folder = mkdtempSync(join(tmpdir(), 'mixbit-bench-'))
try {
  await measureTime()
  measureMemory()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function measureTime() {
  const { model, data } = makeTask('large', 224, MANY)
  const float = await openFloat(model)
  const plain = []
  const ratios = Object.fromEntries(Object.keys(LIMITS).map((calibrator) => [calibrator, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [calibrator, list] of Object.entries(ratios)) {
      const before = await float.milliseconds()
      const [few, many] = [FEW, MANY].map((samples) => calibrate(model, data, calibrator, samples))
      const beside = (before + (await float.milliseconds())) / 2
      plain.push(beside)
      list.push((1000 * (many.cpuSeconds - few.cpuSeconds)) / (MANY - FEW) / beside)
    }
  }
  await float.release()
  printFigure('float model', median(plain).toFixed(1), 'ms a sample')
  for (const [calibrator, list] of Object.entries(ratios)) {
    const spread = `${Math.min(...list).toFixed(2)} to ${Math.max(...list).toFixed(2)}`
    const name = `${calibrator} (${spread})`
    printFigure(name, Number(median(list).toFixed(2)), 'times the float model', LIMITS[calibrator])
  }
}

function measureMemory() {
  const { model, data } = makeTask('small', 64, 1000)
  const peaks = { 100: [], 1000: [] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [samples, list] of Object.entries(peaks)) {
      list.push(calibrate(model, data, 'auto', samples).peakBytes / 1e6)
    }
  }
  const [hundred, thousand] = [median(peaks[100]), median(peaks[1000])]
  printFigure('memory, 100 samples', Math.round(hundred), 'MB')
  printFigure('more for 1,000', Math.round(thousand - hundred), 'MB', 20)
}

function makeTask(name, size, count) {
  const model = join(folder, `${name}.onnx`)
  writeResnet(model, size)
  writePictures(join(folder, `${name}.npy`), count, size, 3)
  const data = join(folder, `${name}.json`)
  writeFileSync(data, JSON.stringify({ kind: 'tensors', inputs: { input: `${name}.npy` } }))
  return { model, data }
}

function calibrate(model, data, calibrator, samples) {
  const chosen = ['--precision', 'w8a8', '--calibration', data, '--samples', `${samples}`]
  const how = ['--calibrator', calibrator, '--workers', '1', '--quiet']
  return runMixbit(['plan', model, ...chosen, ...how])
}

/** Plain inference on one thread, in this process. */
async function openFloat(path) {
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 }
  const session = await ort.InferenceSession.create(path, options)
  const shape = [1, 3, 224, 224]
  const input = new ort.Tensor('float32', new Float32Array(3 * 224 * 224).fill(0.3), shape)
  for (let run = 0; run < 5; run++) await session.run({ input })
  return {
    release: () => session.release(),
    /** Milliseconds of the processor a run. */
    async milliseconds() {
      const started = process.cpuUsage()
      for (let run = 0; run < 40; run++) await session.run({ input })
      const { user, system } = process.cpuUsage(started)
      return (user + system) / 1000 / 40
    },
  }
}

function median(list) {
  return list.toSorted((x, y) => x - y)[Math.floor(list.length / 2)]
}
