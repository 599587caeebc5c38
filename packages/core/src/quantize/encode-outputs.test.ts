import { expect, test } from 'vitest'
import { seededWeights } from '../../test/kernel-values.ts'
import { encodeWeight } from '../algorithms/encode-weight.ts'
import type { WeightSpec } from '../algorithms/encode-weight.ts'
import { loadSimdKernels } from '../kernels/simd.ts'
import type { RegionReader, ValueChunk } from '../kernels/value-chunk.ts'
import { chunkValues } from '../kernels/value-chunk.ts'
import { parsePrecision, schemeFor } from '../scheme/precision.ts'
import { encodeByOutputs } from './encode-outputs.ts'

const kernels = loadSimdKernels()

const SHAPES = [
  { shape: [10, 24], outputAxis: 1, inputAxis: 0 },
  { shape: [6, 24, 3, 2], outputAxis: 1, inputAxis: 0 },
  { shape: [3, 5, 24], outputAxis: 2, inputAxis: 1 },
]

type Axes = (typeof SHAPES)[number]

function specOf(precision: string, axes: Axes, rest: Partial<WeightSpec> = {}): WeightSpec {
  const scheme = schemeFor(parsePrecision(precision), { ...axes, scaleDtype: 'float16' })
  const rules = { algorithm: 'round', paletteRule: 'kmeans', decodeDtype: 'float16' } as const
  return { ...axes, ...rules, scheme, ...rest }
}

function chunkOf({ shape }: Axes, stored: 'values' | 'float16' | 'float32'): ValueChunk {
  const [rows = 1, ...rest] = shape
  const columns = rest.reduce((product, size) => product * size, 1)
  const x = seededWeights(rows * columns, columns)
  const facts = { rows, columns, dtype: stored === 'float16' ? stored : 'float32' } as const
  if (stored === 'values') return { ...facts, stored: null, values: x }
  const bits = new Uint16Array(x.length)
  kernels.floatToHalf(bits, x)
  const array = stored === 'float16' ? bits : x
  // Bytes from a file begin anywhere.
  const bytes = new Uint8Array(array.byteLength + 1)
  bytes.set(new Uint8Array(array.buffer), 1)
  return { ...facts, stored: bytes.subarray(1), values: null }
}

const room = (count: number): Float32Array => new Float32Array(count)

const reader = {}

test('values that lie in a file are read run by run, or whole where runs are short', () => {
  for (const axes of [
    { shape: [4, 2048], outputAxis: 1, inputAxis: 0 },
    { shape: [9, 24], outputAxis: 1, inputAxis: 0 },
  ]) {
    const chunk = chunkOf(axes, 'float16')
    const bytes = new Uint8Array(chunk.stored ?? [])
    const lengths: number[] = []
    const inFile: RegionReader = {
      readRegion: ({ offset, length }) => {
        lengths.push(length)
        return bytes.slice(offset - 7, offset - 7 + length)
      },
    }
    const region = { file: 'weight.bin', descriptor: 3, offset: 7, length: bytes.length }
    const placed = { ...chunk, stored: null, region }
    const spec = specOf('int8/channel/asym', axes)
    const whole = encodeWeight(kernels, chunkValues(kernels, chunk), spec)
    const request = { chunk: placed, spec, most: 2048, room, reader: inFile }
    const cut = encodeByOutputs(kernels, { ...request, most: axes.shape[0] === 9 ? 50 : 2048 })
    expect(cut?.encoding).toEqual(whole.encoding)
    const runs = Array.from({ length: 4 * 4 }, () => 1024)
    expect(lengths).toEqual(axes.shape[0] === 9 ? [bytes.length] : runs)
  }
})

const PRECISIONS = [
  'int8/channel',
  'int8/channel/asym',
  'int4/channel/asym',
  'palette4/g8',
  'palette3/g4/scale',
  'palette2/g4x2',
  'palette2/g8/int8/scale',
  'palette2/g4x2/int8/scale',
]

test.for(PRECISIONS)('%s is the same some output channels at a time', (precision) => {
  for (const axes of SHAPES) {
    for (const stored of ['values', 'float16', 'float32'] as const) {
      const chunk = chunkOf(axes, stored)
      for (const algorithm of ['round', 'mse'] as const) {
        const spec = specOf(precision, axes, { algorithm })
        const whole = encodeWeight(kernels, chunkValues(kernels, chunk), spec)
        for (const most of [1, 200]) {
          const cut = encodeByOutputs(kernels, { chunk, spec, most, room, reader })
          expect(cut?.encoding).toEqual(whole.encoding)
          expect(cut?.error.squaredError).toBeCloseTo(whole.error.squaredError, 9)
          expect(cut?.error.squaredSignal).toBeCloseTo(whole.error.squaredSignal, 9)
          expect(cut?.error.maxAbsError).toBe(whole.error.maxAbsError)
        }
      }
    }
  }
})

test.for(['int8/tensor', 'palette4', 'palette2/g8/int8', 'sparse50+int8', 'fp16'])(
  '%s is chosen for all output channels together, or row by row',
  (precision) => {
    for (const axes of SHAPES) {
      const request = {
        chunk: chunkOf(axes, 'float16'),
        spec: specOf(precision, axes),
        room,
        reader,
      }
      expect(encodeByOutputs(kernels, { ...request, most: 1 })).toBeNull()
    }
  },
)

test('few values, scales that are known and output channels that come first are not cut', () => {
  const [axes = { shape: [1], outputAxis: 0, inputAxis: 0 }] = SHAPES
  const chunk = chunkOf(axes, 'float16')
  const spec = specOf('int8/channel', axes)
  expect(encodeByOutputs(kernels, { chunk, spec, most: 1000, room, reader })).toBeNull()
  const known = { ...spec, scale: new Float32Array(24).fill(1) }
  expect(encodeByOutputs(kernels, { chunk, spec: known, most: 1, room, reader })).toBeNull()
  const first = specOf('int8/channel', { shape: [10, 24], outputAxis: 0, inputAxis: 1 })
  expect(encodeByOutputs(kernels, { chunk, spec: first, most: 1, room, reader })).toBeNull()
})
