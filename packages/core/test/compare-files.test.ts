import { expect, test } from 'vitest'
import type { JobContext, NamedTensors, RuntimeTensor, Session } from '../src/base/host.ts'
import { compareFiles } from '../src/compare/compare-files.ts'
import type { FileComparison } from '../src/compare/compare-files.ts'
import type { SampleSource } from '../src/tasks/sample-feeds.ts'
import { memoryHost } from './helpers/memory-host.ts'
import { functionSession } from './helpers/vqa-model.ts'

const float = (values: readonly number[]): RuntimeTensor => ({
  dtype: 'float32',
  shape: [1, values.length],
  data: Float32Array.from(values),
})

/** 1 and -2 in half precision, the codes from IEEE 754. */
const halves: RuntimeTensor = {
  dtype: 'float16',
  shape: [1, 2],
  data: Uint16Array.of(0x3c00, 0xc000),
}

/** A graph of one input `x` whose outputs are what `run` makes of its first number. */
function graph(run: (x: number) => NamedTensors): Session {
  const session = functionSession([{ name: 'x', dtype: 'float32', shape: [1, 1] }], (feeds) =>
    run(Number(feeds['x']?.data[0])),
  )
  const outputs = Object.entries(run(0)).map(([name, { dtype, shape }]) => ({ name, dtype, shape }))
  return { ...session, outputs }
}

type Case = {
  readonly reference: Session
  readonly candidate: Session
  readonly xs?: readonly number[]
  readonly probes?: readonly string[]
}

/** Compares two graphs on samples of one number, with the real job. */
function compared({ reference, candidate, xs = [1], probes = [] }: Case): Promise<FileComparison> {
  const context: JobContext = {
    session: (path) => Promise.resolve(path === 'reference.onnx' ? reference : candidate),
    tokenizer: () => Promise.reject(new TypeError('no tokenizer')),
    decodeImage: () => Promise.reject(new TypeError('no pictures')),
  }
  async function* sources(): AsyncGenerator<SampleSource> {
    for (const x of xs) yield { kind: 'tensors', sample: { x: float([x]) } }
  }
  return compareFiles(memoryHost(new Map(), context), {
    reference: 'reference.onnx',
    candidate: 'candidate.onnx',
    probes,
    names: { reference: 'a', candidate: 'b', data: 'set' },
    sources: sources(),
    options: { numerics: 'faithful' },
    findings: [],
  })
}

test('errors of all samples are taken together', async () => {
  const comparison = await compared({
    reference: graph((x) => ({ y: float([3 * x, 4 * x]) })),
    candidate: graph((x) => ({ y: float([3 * x, 4 * x + 1]) })),
    xs: [1, 2],
  })
  expect(comparison).toMatchObject({
    schema: 'mixbit/comparison@1',
    reference: 'a',
    candidate: 'b',
    data: 'set',
    samples: 2,
    layers: [],
    findings: [],
  })
  // Four values, two of them off by 1: mse 0.5; squares 9 + 16 + 36 + 64 = 125 over 2.
  expect(comparison.outputs).toMatchObject([{ name: 'y', mse: 0.5, maxAbsError: 1, values: 4 }])
  expect(comparison.outputs[0]?.sqnrDb).toBeCloseTo(10 * Math.log10(62.5), 10)
})

test('values inside come in the order in which they are computed, outputs apart', async () => {
  const parts = (error: number) => (x: number) => ({
    y: float([x + error]),
    late: float([2 * x + error]),
    early: float([x]),
  })
  const { outputs, layers } = await compared({
    reference: graph(parts(0)),
    candidate: graph(parts(0.5)),
    probes: ['early', 'late'],
  })
  expect(outputs.map(({ name, mse }) => [name, mse])).toEqual([['y', 0.25]])
  expect(layers.map(({ name, mse }) => [name, mse])).toEqual([
    ['early', 0],
    ['late', 0.25],
  ])
})

test('halves are compared with halves and with float32', async () => {
  const { outputs } = await compared({
    reference: graph(() => ({ h: halves, y: float([1, -2]) })),
    candidate: graph(() => ({ h: float([1, -1]), y: halves })),
  })
  expect(outputs).toMatchObject([
    { name: 'h', mse: 0.5, maxAbsError: 1 },
    { name: 'y', mse: 0, maxAbsError: 0 },
  ])
})

test('an output that is no float, or only in one graph, is told and left out', async () => {
  const whole: RuntimeTensor = { dtype: 'int32', shape: [1], data: Int32Array.of(1) }
  const { outputs, layers, findings } = await compared({
    reference: graph((x) => ({ y: float([x]), label: whole, only: float([x]), inside: whole })),
    candidate: graph((x) => ({ y: float([x]), label: whole, inside: whole })),
    probes: ['inside'],
  })
  expect(outputs.map(({ name }) => name)).toEqual(['y'])
  expect(layers).toEqual([])
  expect(findings.map(({ code, subject }) => [code, subject])).toEqual([
    ['output-skipped', 'label'],
    ['output-skipped', 'only'],
  ])
})

test('outputs that are not wanted are not computed', async () => {
  const asked: (readonly string[] | undefined)[] = []
  const watched = (session: Session): Session => ({
    ...session,
    run: (feeds, wanted) => {
      asked.push(wanted)
      return session.run(feeds, wanted)
    },
  })
  const make = () =>
    graph((x) => ({ y: float([x]), n: { dtype: 'int32', shape: [1], data: Int32Array.of(1) } }))
  await compared({ reference: watched(make()), candidate: watched(make()) })
  expect(asked).toEqual([['y'], ['y']])
})

test('NaN is counted, told, and left out of the errors', async () => {
  const { outputs, findings } = await compared({
    reference: graph((x) => ({ y: float([x, 1]) })),
    candidate: graph((x) => ({ y: float([x === 1 ? Number.NaN : x, 1]) })),
    xs: [1, 2],
  })
  expect(outputs).toMatchObject([{ mse: 0, notFinite: 1, values: 3 }])
  expect(findings).toMatchObject([{ code: 'not-finite', severity: 'warning', subject: 'y' }])
})

test('graphs without an output in common are no versions of one model', async () => {
  const comparing = compared({
    reference: graph((x) => ({ y: float([x]) })),
    candidate: graph((x) => ({ z: float([x]) })),
  })
  await expect(comparing).rejects.toMatchObject({ code: 'wrong-shape' })
})

test('an output of another shape is refused', async () => {
  const comparing = compared({
    reference: graph((x) => ({ y: float([x]) })),
    candidate: graph((x) => ({ y: float([x, x]) })),
  })
  await expect(comparing).rejects.toMatchObject({ code: 'wrong-shape' })
})
