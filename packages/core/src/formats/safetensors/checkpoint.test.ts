import { expect, test } from 'vitest'

import { float32Tensor, memoryFolder, safetensorsFile } from '../../../test/helpers/safetensors.ts'
import { openCheckpoint } from './checkpoint.ts'

const INDEX = 'model.safetensors.index.json'
const a = safetensorsFile({ a: float32Tensor([1], [1]), unlisted: float32Tensor([1], [9]) })
const b = safetensorsFile({ b: float32Tensor([2], [2, 3]) })
const index = (map: unknown): string => JSON.stringify({ weight_map: map })

test('shards are read as one checkpoint, as the index lists them', async () => {
  const host = memoryFolder({
    [INDEX]: index({ a: '1.safetensors', b: '2.safetensors' }),
    '1.safetensors': a,
    '2.safetensors': b,
  })
  const checkpoint = await openCheckpoint(host, 'folder')
  expect([...checkpoint.weights.keys()]).toEqual(['a', 'b'])
  expect([...((await checkpoint.weights.get('b')?.readRows(1, 2)) ?? [])]).toEqual([3])
  expect(checkpoint.files).toEqual(['1.safetensors', '2.safetensors'])
  expect(checkpoint.sizeInBytes).toBe(a.length + b.length)
  await checkpoint.close()
  expect(host.openFiles()).toBe(0)
})

test('model.safetensors is preferred to other files, and a single other file is taken', async () => {
  const both = memoryFolder({ 'model.safetensors': a, 'other.safetensors': b })
  expect((await openCheckpoint(both, 'folder')).files).toEqual(['model.safetensors'])
  const single = memoryFolder({ 'weights.safetensors': b })
  expect([...(await openCheckpoint(single, 'folder')).weights.keys()]).toEqual(['b'])
})

test.for([
  { name: 'an empty folder', files: {}, code: 'not-found' },
  {
    name: 'two files without an index',
    files: { 'a.safetensors': a, 'b.safetensors': b },
    code: 'ambiguous-variant',
  },
  { name: 'a missing shard', files: { [INDEX]: index({ a: '1.safetensors' }) }, code: 'not-found' },
  {
    name: 'a shard outside the folder',
    files: { [INDEX]: index({ a: '../1.safetensors' }), '../1.safetensors': a },
    code: 'path-outside',
  },
  {
    name: 'a tensor that its shard lacks',
    files: { [INDEX]: index({ a: '2.safetensors' }), '2.safetensors': b },
    code: 'missing-tensor',
  },
  { name: 'an index without a map', files: { [INDEX]: '{}' }, code: 'malformed' },
  { name: 'an index that is no JSON', files: { [INDEX]: '{' }, code: 'malformed' },
  { name: 'a file name that is no text', files: { [INDEX]: index({ a: 1 }) }, code: 'malformed' },
  {
    name: 'more shards than a system opens',
    files: {
      [INDEX]: index(Object.fromEntries(Array.from({ length: 501 }, (_, i) => [i, `${i}`]))),
    },
    code: 'limit-exceeded',
  },
  {
    name: 'a broken second shard',
    files: {
      [INDEX]: index({ a: '1.safetensors', b: '2.safetensors' }),
      '1.safetensors': a,
      '2.safetensors': b.subarray(0, 20),
    },
    code: 'truncated',
  },
])('$name gives $code and leaves no file open', async ({ files, code }) => {
  const host = memoryFolder(files)
  await expect(openCheckpoint(host, 'folder')).rejects.toMatchObject({ code })
  expect(host.openFiles()).toBe(0)
})
