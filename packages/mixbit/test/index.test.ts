import * as core from '@mixbit/core'
import { expect, test } from 'vitest'
import * as mixbit from '../src/index.ts'

test('one import gives a Node program all of core, and what core needs here', () => {
  const own = Object.keys(mixbit).filter((name) => !Object.hasOwn(core, name))
  expect(own.toSorted()).toEqual([
    'createNodeHost',
    'prepareOutput',
    'provenance',
    'writeReport',
    'writeReportPage',
  ])
  expect(Object.keys(mixbit)).toEqual(expect.arrayContaining(Object.keys(core)))
})

test('a host with no options runs the jobs of core', async () => {
  const host = mixbit.createNodeHost({ workers: 0 })
  const stored = new Uint8Array(new Float32Array([1, -2, 0, 3]).buffer)
  const chunk = { rows: 2, columns: 2, dtype: 'float32', stored, values: null }
  for await (const scan of host.pool.map('scan-chunk', [chunk])) {
    expect(scan).toMatchObject({ min: -2, max: 3, zeros: 1 })
  }
  await host.dispose()
  expect.assertions(1)
})
