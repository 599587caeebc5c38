import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { checkpointTensors, countParameters, models } from '../../../bench/checkpoint/shapes.mjs'
import { writeCheckpoint } from '../../../bench/checkpoint/write.mjs'

/** The shapes of fixtures/fastvlm-nano, a real checkpoint to compare with. */
const nano = {
  vision: {
    depths: [1, 2, 4, 2],
    dims: [32, 64, 128, 256],
    mixers: ['repmixer', 'repmixer', 'repmixer', 'attention'],
    expansion: 2,
  },
  text: { hidden: 192, layers: 4, heads: 6, kvHeads: 2, headDim: 32, intermediate: 576 },
  vocabularyRows: 512,
}
const nanoFile = join(import.meta.dirname, '../../../fixtures/fastvlm-nano/model.safetensors')
const folder = mkdtempSync(join(tmpdir(), 'mixbit-checkpoint-'))
const tensors = checkpointTensors(nano, false)

afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe('the checkpoint maker', () => {
  test('writes the header of the real checkpoint of the same shapes, in the same order', () => {
    const [file = ''] = write('F16', 1)
    const [made, real] = [join(folder, file), nanoFile].map(readHeader)
    expect(JSON.stringify(made)).toBe(JSON.stringify(real))
  })

  test('counts the parameters of the published models', () => {
    const counts = [models['0.5B'], models['1.5B']].map((model) => [
      countParameters(checkpointTensors(model, false)),
      model.parameters,
    ])
    expect(counts).toEqual([
      [620_044_256, 620_044_256],
      [1_673_064_032, 1_673_064_032],
    ])
  })

  test('gives the same bytes for a seed, and others for another', () => {
    const [first, again, other] = [1, 1, 2].map((seed) => {
      const [file = ''] = write('F16', seed)
      return createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('hex')
    })
    expect(first).toBe(again)
    expect(first).not.toBe(other)
  })

  test('writes finite values near the size that each layer needs', () => {
    const [file = ''] = write('F32', 1)
    const values = readTensor(join(folder, file), 'model.layers.0.mlp.down_proj.weight')
    const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length
    expect(values.every(Number.isFinite)).toBe(true)
    expect(Math.sqrt(variance * 576)).toBeGreaterThan(0.8)
    expect(Math.sqrt(variance * 576)).toBeLessThan(1.6)
  })

  test('spreads shards over files that the index lists, with the same tensors', () => {
    const files = write('F16', 1, 2_000_000)
    const index = JSON.parse(readFileSync(join(folder, 'model.safetensors.index.json'), 'utf8'))
    const found = files.flatMap((file) =>
      tensorNames(readHeader(join(folder, file))).map((name) => [name, file]),
    )
    expect(files.length).toBeGreaterThan(3)
    expect(index.weight_map).toEqual(Object.fromEntries(found))
    const names = new Set(found.map(([name]) => name))
    expect(names).toEqual(new Set(tensors.map(({ name }) => name)))
  })
})

function write(
  dtype: 'F16' | 'F32',
  seed: number,
  shardBytes: number = Infinity,
): readonly string[] {
  return writeCheckpoint({ folder, tensors, dtype, seed, shardBytes })
}

type Header = Readonly<Record<string, { readonly data_offsets: readonly [number, number] }>>

function readHeader(path: string): Header {
  const bytes = readFileSync(path)
  const length = Number(bytes.readBigUInt64LE(0))
  const header: Header = JSON.parse(bytes.toString('utf8', 8, 8 + length))
  const ends = Object.values(header).flatMap(({ data_offsets: offsets }) => offsets?.[1] ?? [])
  expect(8 + length + Math.max(...ends)).toBe(bytes.length)
  return header
}

function tensorNames(header: Header): readonly string[] {
  return Object.keys(header).filter((name) => name !== '__metadata__')
}

function readTensor(path: string, name: string): Float32Array {
  const bytes = readFileSync(path)
  const [start, end] = readHeader(path)[name]?.data_offsets ?? [0, 0]
  const data = 8 + Number(bytes.readBigUInt64LE(0))
  return new Float32Array(new Uint8Array(bytes.subarray(data + start, data + end)).buffer)
}
