import { expect, test } from 'vitest'
import { evaluateChain } from '../src/formats/coreml/evaluate-chain.ts'
import type { Value } from '../src/formats/coreml/generated/coreml_pb.ts'
import { literalValue, output } from '../src/formats/coreml/make-values.ts'
import { packedBytes } from '../src/formats/coreml/mil-dtype.ts'
import type { MilDtype } from '../src/formats/coreml/mil-dtype.ts'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import { scalarKernels } from '../src/kernels/scalar.ts'
import { placedChunks } from '../src/kernels/value-chunk.ts'
import type { PaletteBits } from '../src/scheme/scheme.ts'
import { elementsOf } from '../src/tensor/weight.ts'
import { floatBytes, INT, PACKAGE, testBuilder, testHost } from './helpers/coreml.ts'
import type { TestBuilder } from './helpers/coreml.ts'

const BITS: Readonly<Partial<Record<MilDtype, PaletteBits>>> = {
  int4: 4,
  int8: 8,
  uint1: 1,
  uint2: 2,
  uint3: 3,
  uint4: 4,
  uint8: 8,
}

/** An array in the weight file. */
function blob(
  built: TestBuilder,
  dtype: MilDtype,
  shape: readonly number[],
  values: readonly number[],
): Value {
  const bits = BITS[dtype]
  if (bits === undefined) return built.blobs.add({ dtype, shape }, floatBytes(values, dtype))
  const packed = new Uint8Array(packedBytes(dtype, elementsOf(shape)))
  scalarKernels.packBits(packed, Uint8Array.from(values), bits)
  return built.blobs.add({ dtype, shape }, packed)
}

const half = (shape: readonly number[]) => ({ dtype: 'float16', shape }) as const

/** What the weight `w` is stored as, its values, and those of its chain computed step by step. */
async function read(build: (built: TestBuilder) => void) {
  const built = testBuilder()
  build(built)
  built.op('linear', { x: 'x', weight: 'w' }, 'y')
  const host = await testHost({ main: { body: built.body } }, built.blobs, 9)
  const { document } = await readCoremlPackage(host, PACKAGE)
  const weight = document.weights.get('w')
  const site = document.sites.get('w')
  if (weight === undefined || site === undefined) throw new TypeError('there is a weight')
  const values = await weight.weight.readRows(0, weight.shape[0] ?? 1)
  expect(values).toEqual(await evaluateChain(site.chain))
  return { kind: site.form.kind, precision: weight.stored.precision, values: [...values] }
}

// Expected values: by hand from the equations in coremltools' documentation of the operators.
test('an int8 table that is scaled after the lookup', async () => {
  const found = await read((built) => {
    const indices = blob(built, 'uint1', [2, 2], [0, 1, 1, 0])
    const lut = blob(built, 'int8', [1, 1, 2, 1], [-3, 5])
    built.op('constexpr_lut_to_dense', { indices, lut }, 'codes', { dtype: 'int8', shape: [2, 2] })
    const scale = blob(built, 'float16', [2, 1], [0.5, 2])
    built.op('constexpr_blockwise_shift_scale', { data: 'codes', scale }, 'w', half([2, 2]))
  })
  expect(found).toEqual({
    kind: 'other',
    precision: 'constexpr_blockwise_shift_scale of fp16',
    values: [-1.5, 2.5, 10, -6],
  })
})

test('what is computed step by step is computed once for all chunks that are read in order', async () => {
  const built = testBuilder()
  const codes = Array.from({ length: 12 * 4 }, (_, i) => i % 2)
  const indices = blob(built, 'uint1', [12, 4], codes)
  const lut = blob(built, 'int8', [1, 1, 2, 1], [-3, 5])
  const type = { dtype: 'int8', shape: [12, 4] } as const
  built.op('constexpr_lut_to_dense', { indices, lut }, 'codes', type)
  const scale = blob(built, 'float16', [12, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  built.op('constexpr_blockwise_shift_scale', { data: 'codes', scale }, 'w', half([12, 4]))
  built.op('linear', { x: 'x', weight: 'w' }, 'y')
  const host = await testHost({ main: { body: built.body } }, built.blobs, 9)
  let reads = 0
  const open: typeof host.open = async (path) => {
    const source = await host.open(path)
    const read: typeof source.read = (offset, length) => {
      reads++
      return source.read(offset, length)
    }
    return { ...source, read }
  }
  const { document } = await readCoremlPackage({ ...host, open }, PACKAGE)
  const weight = document.weights.get('w')?.weight
  if (weight === undefined) throw new TypeError('there is a weight')
  const costs: number[] = []
  for (const rows of [12, 1, 5]) {
    reads = 0
    const values: number[] = []
    for await (const chunk of placedChunks(weight, rows)) values.push(...(chunk.values ?? []))
    costs.push(reads)
    expect(values).toEqual([...(await weight.readRows(0, 12))])
  }
  expect(costs[0]).toBeGreaterThan(0)
  expect(costs.slice(1)).toEqual([costs[0], costs[0]])
})

test('an int8 table that is scaled before the lookup is a palette', async () => {
  const found = await read((built) => {
    const data = blob(built, 'int8', [2, 1, 2, 1], [-3, 5, 1, 2])
    const scale = blob(built, 'float16', [2, 1, 1, 1], [0.5, 10])
    built.op('constexpr_blockwise_shift_scale', { data, scale }, 't', half([2, 1, 2, 1]))
    const indices = blob(built, 'uint1', [2, 2], [0, 1, 1, 0])
    built.op('constexpr_lut_to_dense', { indices, lut: 't' }, 'w', half([2, 2]))
  })
  expect(found).toEqual({
    kind: 'palette',
    precision: 'palette1/g1/int8',
    values: [-1.5, 2.5, 20, 10],
  })
})

test('sparse integers that are scaled when they are dense', async () => {
  const found = await read((built) => {
    const mask = blob(built, 'uint1', [2, 3], [1, 0, 0, 0, 1, 1])
    const kept = blob(built, 'int4', [3], [-2, 3, 7])
    built.op('constexpr_sparse_to_dense', { nonzero_data: kept, mask }, 'codes', {
      dtype: 'int4',
      shape: [2, 3],
    })
    const scale = blob(built, 'float16', [1, 3], [1, 2, 4])
    const offset = blob(built, 'int4', [1, 3], [1, 0, -1])
    built.op('constexpr_blockwise_shift_scale', { data: 'codes', scale, offset }, 'w', half([2, 3]))
  })
  expect(found.kind).toBe('other')
  expect(found.values).toEqual([-3, 0, 4, -1, 6, 32])
})

test('sparse vectors', async () => {
  const found = await read((built) => {
    const inputs = {
      indices_mask: blob(built, 'uint1', [2, 2], [1, 0, 1, 1]),
      indices_nonzero_data: blob(built, 'uint1', [3], [1, 0, 1]),
      lut: blob(built, 'float16', [1, 1, 2, 2], [1, 2, 3, 4]),
      vector_axis: INT(0),
    }
    built.op('constexpr_lut_to_sparse', inputs, 'mask', { dtype: 'uint1', shape: [4, 2] })
    built.body.operations.at(-1)?.outputs.push(output('kept', half([6])))
    built.op('constexpr_sparse_to_dense', { nonzero_data: 'kept', mask: 'mask' }, 'w', half([4, 2]))
  })
  expect(found.values).toEqual([3, 0, 4, 0, 1, 3, 2, 4])
})

test('scales and offsets that are floats', async () => {
  const found = await read((built) => {
    const data = blob(built, 'float16', [2, 2], [1, 2, 3, 4])
    const scale = blob(built, 'float16', [2, 1], [10, 100])
    const offset = blob(built, 'float16', [2, 1], [0.5, 1])
    built.op('constexpr_blockwise_shift_scale', { data, scale, offset }, 'w', half([2, 2]))
  })
  expect(found.values).toEqual([5, 15, 200, 300])
})

test('iOS 16: one scale and a zero point a channel, unsigned and signed', async () => {
  for (const [dtype, first, second] of [
    ['uint8', 130, 120],
    ['int8', 2, 248],
  ] as const) {
    const found = await read((built) => {
      const parameters = {
        quantized_data: blob(built, dtype, [2, 2], [first, second, second, first]),
        zero_point: blob(built, dtype, [2], [first, second]),
        scale: blob(built, 'float16', [], [0.5]),
        axis: INT(-1),
      }
      built.attributes('constexpr_affine_dequantize', parameters, 'w', half([2, 2]))
    })
    // 130 - 120 and 2 - (-8).
    expect(found.values).toEqual([0, 0, -5, 5])
    expect(found.precision).toBe('int8/channel/asym of axis 1')
  }
})

test('iOS 16: a zero point that is a float', async () => {
  const found = await read((built) => {
    const parameters = {
      quantized_data: blob(built, 'uint8', [1, 2], [10, 20]),
      zero_point: blob(built, 'float32', [], [9.5]),
      scale: blob(built, 'float16', [], [2]),
      axis: INT(0),
    }
    built.attributes('constexpr_affine_dequantize', parameters, 'w', half([1, 2]))
  })
  expect(found.values).toEqual([1, 21])
})

test('unsigned codes without a zero point begin at zero', async () => {
  const found = await read((built) => {
    const data = blob(built, 'uint4', [1, 3], [0, 7, 15])
    const scale = blob(built, 'float16', [1, 1], [2])
    built.op('constexpr_blockwise_shift_scale', { data, scale }, 'w', half([1, 3]))
  })
  expect(found).toMatchObject({ kind: 'affine', values: [0, 14, 30] })
})

test('a product is rounded once to half precision', async () => {
  const found = await read((built) => {
    const data = blob(built, 'int8', [1, 2], [127, 3])
    const scale = blob(built, 'float16', [1, 1], [1 + 2 ** -10])
    built.op('constexpr_blockwise_shift_scale', { data, scale }, 'w', half([1, 2]))
  })
  // 127 + 127/1024 lies nearer to 127 + 2/16 than to 127 + 1/16; 3 + 3/1024 between 3 + 1/512 and 3 + 2/512: to even.
  expect(found.values).toEqual([127.125, 3 + 2 / 512])
})

test('parts of a constant that are constants with names', async () => {
  const found = await read((built) => {
    built.constant('data', blob(built, 'int8', [2, 2], [1, 2, 3, 4]))
    built.constant('scale', blob(built, 'float16', [2, 1], [1, 10]))
    const inputs = { data: 'data', scale: 'scale' }
    built.op('constexpr_blockwise_shift_scale', inputs, 'w', half([2, 2]))
  })
  expect(found).toEqual({ kind: 'affine', precision: 'int8/channel', values: [1, 2, 30, 40] })
})

test('a chain without end is no weight', async () => {
  const built = testBuilder()
  const data = blob(built, 'float16', [2, 2], [1, 2, 3, 4])
  const scale = blob(built, 'float16', [1, 1], [1])
  built.op('constexpr_blockwise_shift_scale', { data, scale }, 's0', half([2, 2]))
  for (let i = 1; i < 2000; i++) {
    const inputs = { data: `s${i - 1}`, scale }
    built.op('constexpr_blockwise_shift_scale', inputs, `s${i}`, half([2, 2]))
  }
  built.op('linear', { x: 'x', weight: 's1999' }, 'y')
  const host = await testHost({ main: { body: built.body } }, built.blobs, 9)
  const { document } = await readCoremlPackage(host, PACKAGE)
  expect([...document.weights.keys()]).toEqual([])
})

test('an axis counted from the end may stand there as bytes', async () => {
  const found = await read((built) => {
    const parameters = {
      quantized_data: blob(built, 'uint8', [2, 2], [1, 2, 3, 4]),
      zero_point: blob(built, 'uint8', [2], [1, 2]),
      scale: blob(built, 'float16', [2], [1, 2]),
      axis: literalValue({ dtype: 'int32', shape: [] }, new Uint8Array(Int32Array.of(-1).buffer)),
    }
    built.attributes('constexpr_affine_dequantize', parameters, 'w', half([2, 2]))
  })
  expect(found.values).toEqual([0, 0, 2, 4])
})

test('vectors that would fill any memory are refused: 2^23 bits of 256 values each', async () => {
  const built = testBuilder()
  const shape = [1, 2 ** 23]
  const vectors = 256
  const inputs = {
    indices: built.blobs.add({ dtype: 'uint1', shape }, new Uint8Array(2 ** 20)),
    lut: blob(
      built,
      'float16',
      [1, 1, 2, vectors],
      Array.from({ length: 2 * vectors }, () => 1),
    ),
    vector_axis: INT(1),
  }
  built.op('constexpr_lut_to_dense', inputs, 'w', half([1, 2 ** 31]))
  built.op('linear', { x: 'x', weight: 'w' }, 'y')
  const host = await testHost({ main: { body: built.body } }, built.blobs, 9)
  const { document } = await readCoremlPackage(host, PACKAGE)
  const weight = document.weights.get('w')
  await expect(weight?.weight.readRows(0, 1)).rejects.toMatchObject({ code: 'limit-exceeded' })
  await expect(weight?.stored.readEncoding()).rejects.toMatchObject({ code: 'limit-exceeded' })
})
