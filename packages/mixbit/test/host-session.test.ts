import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RuntimeTensor, Session } from '@mixbit/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSession } from '../src/host/session.ts'
import { Dtype, blockedModel, identityModel, onnxModel, twoOutputModel } from './host-models.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mixbit-session-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function load(name: string, model: Uint8Array): Promise<Session> {
  const path = join(folder, name)
  await writeFile(path, model)
  return await createSession(path, { numerics: 'faithful' })
}

test.for<{ dtype: keyof typeof Dtype; tensor: RuntimeTensor }>([
  { dtype: 'FLOAT', tensor: { dtype: 'float32', shape: [2], data: new Float32Array([1.5, -2]) } },
  // 1, -2, the smallest subnormal, and infinity as half codes.
  {
    dtype: 'FLOAT16',
    tensor: { dtype: 'float16', shape: [4], data: new Uint16Array([0x3c00, 0xc000, 1, 0x7c00]) },
  },
  {
    dtype: 'INT64',
    tensor: { dtype: 'int64', shape: [2], data: new BigInt64Array([2n ** 62n, -1n]) },
  },
  { dtype: 'INT32', tensor: { dtype: 'int32', shape: [2], data: new Int32Array([-7, 2 ** 30]) } },
  { dtype: 'INT8', tensor: { dtype: 'int8', shape: [2], data: new Int8Array([-128, 127]) } },
  { dtype: 'UINT8', tensor: { dtype: 'uint8', shape: [2], data: new Uint8Array([0, 255]) } },
  { dtype: 'BOOL', tensor: { dtype: 'bool', shape: [3], data: new Uint8Array([1, 0, 1]) } },
  { dtype: 'FLOAT', tensor: { dtype: 'float32', shape: [0], data: new Float32Array(0) } },
])('$dtype tensors go through the runtime unchanged', async ({ dtype, tensor }) => {
  const session = await load(`${dtype}.onnx`, identityModel(Dtype[dtype]))
  expect((await session.run({ x: tensor }))['y']).toEqual(tensor)
  await session.release()
})

test('half tensors are computed with, from a part of a buffer and from shared memory', async () => {
  const session = await load('half.onnx', twoOutputModel(Dtype.FLOAT16))
  for (const buffer of [new ArrayBuffer(16), new SharedArrayBuffer(16)]) {
    const data = new Uint16Array(buffer, 8, 2)
    data.set([0x3c00, 0x4200])
    const { y, z } = await session.run({ x: { dtype: 'float16', shape: [1, 2], data } })
    expect(y?.data).toEqual(new Uint16Array([0x4000, 0x4600]))
    expect(z?.data).toEqual(new Uint16Array([0x3c00, 0x4880]))
  }
  await session.release()
})

test('a session tells its inputs and outputs, and gives only the outputs asked for', async () => {
  const session = await load('two.onnx', twoOutputModel(Dtype.FLOAT))
  expect(session.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['n', 2] }])
  expect(session.outputs.map(({ name }) => name)).toEqual(['y', 'z'])
  const x: RuntimeTensor = { dtype: 'float32', shape: [1, 2], data: new Float32Array([3, 4]) }
  expect(await session.run({ x }, ['z'])).toEqual({
    z: { dtype: 'float32', shape: [1, 2], data: new Float32Array([9, 16]) },
  })
  expect(Object.keys(await session.run({ x }))).toEqual(['y', 'z'])
  await session.release()
})

test('an int4 output is refused, because running it would end the process', async () => {
  const cast = onnxModel(
    [{ opType: 'Cast', input: ['x'], output: ['y'], attribute: [{ name: 'to', type: 2, i: 22n }] }],
    [{ name: 'x', dtype: Dtype.FLOAT, shape: [4] }],
    [{ name: 'y', dtype: Dtype.INT4, shape: [4] }],
  )
  await expect(load('int4.onnx', cast)).rejects.toMatchObject({
    code: 'unsupported-dtype',
    facts: { output: 'y', dtype: 'int4' },
  })
})

test('an output that plain data cannot hold is refused', async () => {
  const cast = onnxModel(
    [{ opType: 'Cast', input: ['x'], output: ['y'], attribute: [{ name: 'to', type: 2, i: 11n }] }],
    [{ name: 'x', dtype: Dtype.FLOAT, shape: [1] }],
    [{ name: 'y', dtype: Dtype.DOUBLE, shape: [1] }],
  )
  const session = await load('double.onnx', cast)
  const x: RuntimeTensor = { dtype: 'float32', shape: [1], data: new Float32Array(1) }
  await expect(session.run({ x })).rejects.toMatchObject({ code: 'unsupported-dtype' })
  await session.release()
})

test.for([
  { name: 'empty.onnx', bytes: new Uint8Array(0) },
  { name: 'text.onnx', bytes: new TextEncoder().encode('not a model') },
  { name: 'cut.onnx', bytes: twoOutputModel(1).subarray(0, 40) },
  { name: 'unknown.onnx', bytes: onnxModel([{ opType: 'Nonsense', output: ['y'] }], [], []) },
])('$name cannot be loaded, and the error names it', async ({ name, bytes }) => {
  await expect(load(name, bytes)).rejects.toMatchObject({
    code: 'runtime-failed',
    message: expect.stringContaining(name),
  })
})

test('a missing model is not-found', async () => {
  const path = join(folder, 'none.onnx')
  await expect(createSession(path, { numerics: 'device' })).rejects.toMatchObject({
    code: 'not-found',
  })
})

test.for<{ name: string; x: RuntimeTensor; words: string }>([
  {
    name: 'a wrong shape',
    x: { dtype: 'float32', shape: [1, 3], data: new Float32Array(3) },
    words: 'Got invalid dimensions for input: x',
  },
  {
    name: 'a wrong dtype',
    x: { dtype: 'int32', shape: [1, 2], data: new Int32Array(2) },
    words: 'Unexpected input data type',
  },
])('$name is runtime-failed with the first line of the runtime', async ({ x, words }) => {
  const session = await load('fails.onnx', twoOutputModel(Dtype.FLOAT))
  const error: unknown = await session.run({ x }).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'runtime-failed' })
  expect(String(error)).toContain(words)
  expect(String(error)).toContain('fails.onnx')
  expect(String(error)).not.toContain('\n')
  await session.release()
})

test('a missing input is runtime-failed', async () => {
  const session = await load('feeds.onnx', twoOutputModel(Dtype.FLOAT))
  await expect(session.run({})).rejects.toMatchObject({ code: 'runtime-failed' })
  await session.release()
})

test('a tensor whose data is of another dtype than it says is a mistake of the program', async () => {
  const session = await load('lies.onnx', twoOutputModel(Dtype.FLOAT))
  const x: RuntimeTensor = { dtype: 'float32', shape: [1, 2], data: new Int32Array(2) }
  await expect(session.run({ x })).rejects.toThrow(TypeError)
  await session.release()
})

test('faithful numerics multiply with the decoded weight in float32', async () => {
  const codes = Uint8Array.from({ length: (64 * 32) / 2 }, (_, i) => (i * 37) % 256)
  const x = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * 1.7))
  const session = await load('blocked.onnx', blockedModel(codes))
  const { y } = await session.run({ x: { dtype: 'float32', shape: [1, 64], data: x } })
  await session.release()

  const weight = (row: number, column: number): number => {
    const element = row * 32 + column
    const nibble = ((codes[element >> 1] ?? 0) >> (element % 2 === 0 ? 0 : 4)) & 15
    return (nibble > 7 ? nibble - 16 : nibble) * 0.25
  }
  expect(y?.data).toHaveLength(32)
  for (let column = 0; column < 32; column++) {
    const exact = x.reduce((sum, value, row) => sum + value * weight(row, column), 0)
    expect(Number(y?.data[column])).toBeCloseTo(exact, 4)
  }
})
