import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NamedTensors, Picture, Pool } from '@mixbit/core'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createPool } from '../src/host/pool.ts'
import { testJobs } from './host-jobs.mjs'
import { Dtype, heavyModel, identityModel } from './host-models.ts'

const fixtures = fileURLToPath(new URL('../../../fixtures/', import.meta.url))
const workerUrl = new URL('host-worker.mjs', import.meta.url)
const isBuilt = existsSync(new URL('../dist/host/serve-jobs.js', import.meta.url))

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mixbit-pool-'))
})
afterAll(() => rm(folder, { recursive: true }))

let pool: Pool
afterEach(() => pool.close())

function open(workers: number): Pool {
  pool = createPool({ workers, jobs: testJobs, workerUrl })
  return pool
}

async function all<Output>(results: AsyncIterable<Output>): Promise<readonly Output[]> {
  const taken: Output[] = []
  for await (const result of results) taken.push(result)
  return taken
}

/** What went before the error, and the error. */
async function untilError(
  results: AsyncIterable<unknown>,
): Promise<{ readonly taken: readonly unknown[]; readonly error: unknown }> {
  const taken: unknown[] = []
  try {
    for await (const result of results) taken.push(result)
  } catch (error) {
    return { taken, error }
  }
  return { taken, error: undefined }
}

describe.for([
  { name: 'in process', workers: 0 },
  { name: 'one worker', workers: 1 },
  { name: 'three workers', workers: 3 },
])('a pool $name', ({ workers }) => {
  test.skipIf(workers > 0 && !isBuilt)('gives results in the order of the inputs', async () => {
    const { map } = open(workers)
    const times = fc.array(fc.nat(8), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(times, async (milliseconds) => {
        const inputs = milliseconds.map((time, value) => ({ value, milliseconds: time }))
        expect(await all(map('sleep', inputs))).toEqual(milliseconds.map((_, index) => index))
      }),
      { numRuns: 10 },
    )
  })

  test.skipIf(workers > 0 && !isBuilt)('takes inputs only a little ahead', async () => {
    const { map, width } = open(workers)
    let asked = 0
    async function* endless(): AsyncGenerator<{ value: number; milliseconds: number }> {
      for (;;) yield { value: asked++, milliseconds: 0 }
    }
    let taken = 0
    for await (const value of map<unknown, number>('sleep', endless())) {
      expect(value).toBe(taken)
      taken++
      expect(asked - taken).toBeLessThanOrEqual(2 * width)
      if (taken === 20) break
    }
    expect(taken).toBe(20)
  })

  test.skipIf(workers > 0 && !isBuilt)('leaves the arrays of inputs to the caller', async () => {
    const { map } = open(workers)
    const shared = new Float32Array([1, 2])
    const doubled = new Float32Array([2, 4])
    expect(await all(map('double', [shared, shared, shared]))).toEqual([doubled, doubled, doubled])
    expect(shared).toEqual(new Float32Array([1, 2]))
  })

  test.skipIf(workers > 0 && !isBuilt)('moves the arrays of outputs out of the job', async () => {
    const { map } = open(workers)
    const outputs = await all(map('keep', [new Float32Array([1, 2])]))
    expect(outputs).toEqual([new Float32Array([1, 2])])
    // The one thread that was started so far.
    expect(await all(map('kept', [0]))).toEqual([0])
  })

  test.skipIf(workers > 0 && !isBuilt)('throws a coded error in its turn', async () => {
    const { map } = open(workers)
    let asked = 0
    function* inputs(): Generator<number> {
      for (; asked < 100; asked++) yield asked === 5 ? -1 : asked
    }
    const { taken, error } = await untilError(map('refuse', inputs()))
    expect(taken).toEqual([0, 1, 2, 3, 4])
    expect(error).toMatchObject({ code: 'not-finite', message: 'Refused -1', facts: { value: -1 } })
    expect(asked).toBeLessThan(20)
    expect(await all(map('refuse', [1]))).toEqual([1])
  })

  test.skipIf(workers > 0 && !isBuilt)('keeps the name and stack of a defect', async () => {
    const { error } = await untilError(open(workers).map('break', [0]))
    expect(error).toMatchObject({ name: 'RangeError', message: 'a defect' })
    expect(Reflect.get(Object(error), 'stack')).toContain('host-jobs.mjs')
  })

  test.skipIf(workers > 0 && !isBuilt)('names the jobs when one is unknown', async () => {
    const { error } = await untilError(open(workers).map('constructor', [0]))
    expect(String(error)).toContain('There is no job "constructor", only double, keep')
  })

  test.skipIf(workers > 0 && !isBuilt)('gives jobs models, pictures and tokens', async () => {
    const { map } = open(workers)
    const path = join(folder, `identity-${workers}.onnx`)
    await writeFile(path, identityModel(Dtype.FLOAT))
    const jobs = [1, 2].map((value) => ({ path, input: tensor(value) }))
    const outputs = await all(map<unknown, NamedTensors>('run', jobs))
    expect(outputs).toEqual([{ y: tensor(1) }, { y: tensor(2) }])

    const picture = join(fixtures, 'pocket-vqa', 'val', '000001.jpg')
    const [decoded] = await all(map<string, Picture>('picture', [picture]))
    expect(decoded?.rgb.length).toBe(192 * 192 * 3)

    const text = { folder: join(fixtures, 'fastvlm-nano'), text: '<|im_start|>' }
    expect(await all(map('encode', [text]))).toEqual([[1]])
  })

  test.skipIf(workers > 0 && !isBuilt)('loads a model again when its file changed', async () => {
    const { map } = open(workers)
    const path = join(folder, `changes-${workers}.onnx`)
    await writeFile(path, heavyModel(1, 1))
    const job = () => ({
      path,
      input: { dtype: 'float32', shape: [1, 1], data: new Float32Array([3]) },
    })
    const [once] = await all(map<unknown, NamedTensors>('run', [job()]))
    await writeFile(path, heavyModel(1, 2))
    const [twice] = await all(map<unknown, NamedTensors>('run', [job()]))
    expect([once?.['y']?.data[0], twice?.['y']?.data[0]]).toEqual([9, 27])
  })
})

function tensor(value: number) {
  return { dtype: 'float32', shape: [1], data: new Float32Array([value]) }
}

describe.skipIf(!isBuilt)('worker threads', () => {
  test('run jobs at the same time, no more of them than the width', async () => {
    const { map, width } = open(2)
    expect(width).toBe(2)
    const threads = new Set(await all(map<number, number>('thread', [1, 2, 3, 4, 5, 6])))
    expect(threads.size).toBe(2)
    expect(threads).not.toContain(0)
  })

  test('two maps share them, each in its own order', async () => {
    const { map } = open(2)
    const inputs = (start: number) =>
      [8, 0, 4, 0].map((milliseconds, index) => ({ value: start + index, milliseconds }))
    const [first, second] = await Promise.all([
      all(map('sleep', inputs(0))),
      all(map('sleep', inputs(10))),
    ])
    expect(first).toEqual([0, 1, 2, 3])
    expect(second).toEqual([10, 11, 12, 13])
  })

  test.for([
    { job: 'exit', words: 'ended with code 3' },
    { job: 'crash', words: 'outside of every job' },
  ])('that die in the job "$job" give an error instead of a hang', async ({ job, words }) => {
    const { map } = open(2)
    const { error } = await untilError(map(job, [0]))
    expect(error).toMatchObject({ code: 'runtime-failed', facts: { job } })
    expect(String(error)).toContain(words)
    // Others take their place.
    expect(await all(map('refuse', [1, 2, 3, 4, 5]))).toEqual([1, 2, 3, 4, 5])
  })

  test('that cannot start give an error instead of a hang', async () => {
    pool = createPool({ workers: 2, jobs: testJobs, workerUrl: new URL('none.mjs', workerUrl) })
    const { error } = await untilError(pool.map('double', [[1], [2], [3]]))
    expect(error).toMatchObject({ code: 'runtime-failed' })
  })

  test('that cannot take an input say so and go on', async () => {
    const { map } = open(1)
    const { error } = await untilError(map('refuse', [() => 1]))
    expect(String(error)).toContain('could not be cloned')
    expect(await all(map('refuse', [7]))).toEqual([7])
  })

  test('end when the pool is closed in the middle of its work', async () => {
    const { map } = open(2)
    const sleeps = [1, 2, 3].map((value) => ({ value, milliseconds: 60_000 }))
    const result = untilError(map('sleep', sleeps))
    await new Promise((resolve) => setTimeout(resolve, 100))
    await pool.close()
    expect((await result).error).toMatchObject({ code: 'cancelled' })
  })

  test('leave the event loop free while a model runs', async () => {
    const path = join(folder, 'heavy.onnx')
    const size = 512
    await writeFile(path, heavyModel(size, 200))
    const input = { dtype: 'float32', shape: [size, size], data: new Float32Array(size * size) }
    let ticks = 0
    const timer = setInterval(() => ticks++, 2)
    const started = performance.now()
    await all(open(1).map('run', [{ path, input }]))
    const milliseconds = performance.now() - started
    clearInterval(timer)
    // A run in this thread lets the timer tick a few times while the model is loaded.
    expect(ticks).toBeGreaterThan(milliseconds / 20)
  })
})
