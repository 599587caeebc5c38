// Reads the folder of a task: see task_folder.py.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ort from 'onnxruntime-node'

/** The task's facts, its evaluation samples as feeds, and for each the judged places of the output with their classes. */
export function readTask(folder) {
  const task = JSON.parse(readFileSync(join(folder, 'task.json'), 'utf8'))
  const labels = task.labels ? readNpy(join(folder, 'labels.npy')) : null
  return {
    ...task,
    samples: readSamples(folder),
    judged: labels === null ? null : judgedPlaces(labels),
  }
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

/** Labels (samples) or (samples, places), -1 where nothing is judged. */
function judgedPlaces({ data, shape }) {
  const [count, places = 1] = shape
  return Array.from({ length: count }, (_, at) =>
    Array.from(data.subarray(at * places, (at + 1) * places), (label, place) => ({
      place,
      label: Number(label),
    })).filter(({ label }) => label >= 0),
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

/** The first output of a model for each sample, on one thread. */
export async function runAll(path, samples) {
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
