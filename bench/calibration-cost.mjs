// What finding the ranges of activations costs beside running the float model, and whether its memory grows with the
// samples, on a ResNet-18 with made-up weights:
//   npm run -s bench:calibration-cost
// Seconds a sample are the difference of two runs of the command with few and more samples, so that loading and
// writing fall out; one worker, one thread. They are seconds of the processor, so that what else the machine does
// falls out too. Memory is the median of five runs: a maximum resident set differs from run to run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ort from 'onnxruntime-node'

import { writePictures, writeResnet } from './int8/make-resnet.mjs'
import { printFigure, runMixbit } from './run-mixbit.mjs'

const [FEW, MANY] = [8, 104]

const folder = mkdtempSync(join(tmpdir(), 'mixbit-bench-'))
try {
  const { model, data } = makeTask('large', 224, MANY)
  const plain = await millisecondsOfFloat(model)
  printFigure('float model', plain.toFixed(1), 'ms a sample')
  for (const [calibrator, limit] of [
    ['min-max', 1.4],
    ['auto', 2.5],
  ]) {
    const [few, many] = [FEW, MANY].map(
      (samples) => calibrate(model, data, calibrator, samples).seconds,
    )
    const each = (1000 * (many - few)) / (MANY - FEW)
    printFigure(calibrator, Number((each / plain).toFixed(2)), 'times the float model', limit)
  }
  const small = makeTask('small', 64, 1000)
  const [hundred, thousand] = [100, 1000].map((samples) => {
    const runs = Array.from({ length: 5 }, () =>
      calibrate(small.model, small.data, 'auto', samples),
    )
    return runs.map(({ peakBytes }) => peakBytes / 1e6).toSorted((x, y) => x - y)[2]
  })
  printFigure('memory, 100 samples', Math.round(hundred), 'MB')
  printFigure('more for 1,000', Math.round(thousand - hundred), 'MB', 20)
} finally {
  rmSync(folder, { recursive: true, force: true })
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

async function millisecondsOfFloat(path) {
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 }
  const session = await ort.InferenceSession.create(path, options)
  const input = new ort.Tensor(
    'float32',
    new Float32Array(3 * 224 * 224).fill(0.3),
    [1, 3, 224, 224],
  )
  const seconds = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }
  for (let run = 0; run < 5; run++) await session.run({ input })
  const started = seconds()
  for (let run = 0; run < 40; run++) await session.run({ input })
  const each = (1000 * (seconds() - started)) / 40
  await session.release()
  return each
}
