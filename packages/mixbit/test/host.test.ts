import { existsSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jobs } from '@mixbit/core'
import type { MixbitEvent } from '@mixbit/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createNodeHost } from '../src/host/host.ts'
import { defaultWorkers } from '../src/host/pool.ts'
import { testJobs } from './host-jobs.mjs'

const workerUrl = new URL('host-worker.mjs', import.meta.url)
const isBuilt = existsSync(new URL('../dist/host/serve-jobs.js', import.meta.url))

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mixbit-host-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('disposing removes files that were never closed, and keeps the others', async () => {
  const host = createNodeHost({ jobs: testJobs, workers: 0 })
  const done = await host.create(host.within(folder, 'done'))
  const half = await host.create(host.within(folder, 'half'))
  const given = await host.create(host.within(folder, 'given'))
  for (const sink of [done, half, given]) await sink.write(new Uint8Array([1, 2]))
  await done.close()
  await given.discard()
  expect(await readdir(folder)).toHaveLength(2)
  await host.dispose()
  expect(await readdir(folder)).toEqual(['done'])
  expect([...(await readFile(join(folder, 'done')))]).toEqual([1, 2])
})

test('what was written is read back, hashed and listed', async () => {
  const host = createNodeHost({ jobs: testJobs, workers: 0 })
  const path = host.within(folder, 'abc')
  expect(await host.exists(path)).toBe(false)
  await writeFile(path, 'abc')
  expect(await host.list(folder)).toEqual(['abc'])
  const source = await host.open(path)
  const hash = host.sha256()
  hash.update(await source.read(0, source.sizeInBytes))
  await source.close()
  // FIPS 180-2, appendix B.1.
  expect(hash.hex()).toMatch(/^ba7816bf8f01cfea/)
  await host.dispose()
})

test('events go to the one who asked for them', () => {
  const events: MixbitEvent[] = []
  const host = createNodeHost({ jobs: testJobs, workers: 0, emit: (event) => events.push(event) })
  host.emit({ kind: 'notice', message: 'hello' })
  createNodeHost({ jobs: testJobs, workers: 0 }).emit({ kind: 'notice', message: 'nobody' })
  expect(events).toEqual([{ kind: 'notice', message: 'hello' }])
})

test('without a number of workers there is one a core, at most eight', async () => {
  const host = createNodeHost({ jobs: testJobs })
  expect(host.pool.width).toBe(defaultWorkers())
  expect(host.pool.width).toBeGreaterThanOrEqual(1)
  expect(host.pool.width).toBeLessThanOrEqual(8)
  await host.dispose()
})

test.skipIf(!isBuilt)('disposing ends the worker threads', async () => {
  const host = createNodeHost({ jobs: testJobs, workers: 1, workerUrl })
  const threads: unknown[] = []
  for await (const id of host.pool.map('thread', [0])) threads.push(id)
  expect(threads).toHaveLength(1)
  await host.dispose()
  await expect(host.pool.map('thread', [0])[Symbol.asyncIterator]().next()).rejects.toThrow(
    'closed',
  )
})

test.skipIf(!isBuilt)('the built worker runs the jobs of core, as this thread does', async () => {
  const stored = new Uint8Array(new Float32Array([1, -2, 0, 3]).buffer)
  const chunk = { rows: 2, columns: 2, dtype: 'float32', stored, values: null }
  const results: unknown[] = []
  for (const workers of [0, 1]) {
    const builtWorker = new URL('../dist/worker.js', import.meta.url)
    const host = createNodeHost({ jobs, workers, workerUrl: builtWorker })
    for await (const scan of host.pool.map('scan-chunk', [chunk])) results.push(scan)
    await host.dispose()
  }
  expect(results[0]).toMatchObject({ min: -2, max: 3, sum: 2, zeros: 1 })
  expect(results[1]).toEqual(results[0])
})

test.skipIf(!isBuilt)('a worker reads what another thread has open', async () => {
  const path = join(folder, 'halves')
  await writeFile(path, new Uint8Array(Uint16Array.of(0, 0x3c00, 0x4000, 0xc000).buffer))
  const builtWorker = new URL('../dist/worker.js', import.meta.url)
  for (const workers of [0, 1]) {
    const host = createNodeHost({ jobs, workers, workerUrl: builtWorker })
    const { name: file, descriptor, close } = await host.open(path)
    const chunk = (offset: number, length: number) => ({
      rows: 1,
      columns: length / 2,
      dtype: 'float16',
      stored: null,
      values: null,
      region: { file, descriptor, offset, length },
    })
    const scans: unknown[] = []
    const inputs = [chunk(0, 8), chunk(2, 4)]
    for await (const scan of host.pool.map('scan-chunk', inputs)) scans.push(scan)
    expect(scans).toMatchObject([
      { min: -2, max: 2, zeros: 1 },
      { min: 1, max: 2, sum: 3 },
    ])
    const beyond = host.pool.map('scan-chunk', [chunk(4, 8)])
    await expect(beyond[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'truncated',
      message: expect.stringContaining('ends at byte 8'),
    })
    await close()
    await host.dispose()
  }
})
