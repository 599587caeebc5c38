import { describe, expect, test } from 'vitest'

import { packageFact, packageRequest, plainStored } from '../../../test/helpers/package-facts.ts'
import { SOUND_SCAN } from '../../../test/helpers/facts.ts'
import type { WeightFacts } from '../../audit/audit-types.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { ComputeUnit } from '../../targets/coreml-devices.ts'
import type { LayerPlan } from '../plan-types.ts'
import { makePlan } from '../plan.ts'

/** The plan of one weight that `--precision` asks to be so. */
function planned(
  facts: Partial<WeightFacts>,
  precision: string,
  request: Parameters<typeof packageRequest>[0] = {},
): LayerPlan {
  const { layers } = makePlan([packageFact(facts)], packageRequest({ precision, ...request }))
  const [layer] = layers
  if (layer === undefined) throw new TypeError('no layer')
  return layer
}

const name = (layer: LayerPlan): string => precisionName(layer.scheme)

// By hand from the tables of docs/coreml-targets.md.
describe('what each system stores of a linear weight of 64 x 96 values', () => {
  test.for([
    { asked: 'fp16', ios16: 'fp16', ios18: 'fp16' },
    { asked: 'fp32', ios16: 'fp16', ios18: 'fp16' },
    { asked: 'sparse75+fp32', ios16: 'sparse75+fp16', ios18: 'sparse75+fp16' },
    { asked: 'int8', ios16: 'int8/channel', ios18: 'int8/channel' },
    { asked: 'int8/asym', ios16: 'int8/channel/asym', ios18: 'int8/channel/asym' },
    { asked: 'int8/tensor', ios16: 'int8/tensor', ios18: 'int8/tensor' },
    { asked: 'int8/32', ios16: 'int8/channel', ios18: 'int8/32' },
    { asked: 'int4', ios16: 'int8/channel', ios18: 'int4/32' },
    { asked: 'int4/channel/asym', ios16: 'int8/channel/asym', ios18: 'int4/channel/asym' },
    { asked: 'int3', ios16: 'int8/channel', ios18: 'int4/32' },
    { asked: 'int3/tensor', ios16: 'palette4', ios18: 'palette3' },
    { asked: 'int3/channel', ios16: 'palette4', ios18: 'palette3/g1' },
    { asked: 'int2/32/asym', ios16: 'int8/channel/asym', ios18: 'int4/32/asym' },
    { asked: 'int2/channel', ios16: 'palette4', ios18: 'palette2/g1' },
    { asked: 'palette1', ios16: 'palette1', ios18: 'palette1' },
    { asked: 'palette2', ios16: 'palette2', ios18: 'palette2' },
    { asked: 'palette3', ios16: 'palette4', ios18: 'palette3' },
    { asked: 'palette4', ios16: 'palette4', ios18: 'palette4' },
    { asked: 'palette6', ios16: 'palette6', ios18: 'palette6' },
    { asked: 'palette8', ios16: 'palette8', ios18: 'palette8' },
    { asked: 'palette4/g16', ios16: 'palette6', ios18: 'palette4/g16' },
    { asked: 'palette1/g16', ios16: 'palette2', ios18: 'palette1/g16' },
    { asked: 'palette6/g16', ios16: 'palette8', ios18: 'palette6/g16' },
    { asked: 'palette4/g64', ios16: 'palette4', ios18: 'palette4' },
    { asked: 'palette4/int8', ios16: 'palette4', ios18: 'palette4/int8' },
    { asked: 'palette4/scale', ios16: 'palette6', ios18: 'palette4/scale' },
    { asked: 'palette4x2', ios16: 'palette4', ios18: 'palette4x2' },
    { asked: 'sparse75+fp16', ios16: 'sparse75+fp16', ios18: 'sparse75+fp16' },
    { asked: 'sparse75+int8', ios16: 'sparse75+fp16', ios18: 'sparse75+int8/channel' },
    { asked: 'sparse50+int8', ios16: 'int8/channel', ios18: 'sparse50+int8/channel' },
    { asked: 'sparse90+palette4', ios16: 'sparse90+fp16', ios18: 'sparse90+palette4' },
    { asked: 'sparse50+palette4', ios16: 'palette4', ios18: 'sparse50+palette4' },
    { asked: 'sparse50+palette4x2', ios16: 'palette4', ios18: 'sparse50+palette4' },
    { asked: 'sparse1:4+int4', ios16: 'sparse1:4+fp16', ios18: 'sparse1:4+int4/32' },
  ] as const)('$asked: iOS 16 $ios16, iOS 18 $ios18', ({ asked, ios16, ios18 }) => {
    const facts = { shape: [64, 96] }
    expect(name(planned(facts, asked, { target: 'coreml-ios16' }))).toBe(ios16)
    expect(name(planned(facts, asked, { target: 'coreml-ios17' }))).toBe(ios16)
    expect(name(planned(facts, asked, { target: 'coreml-ios18' }))).toBe(ios18)
  })

  test('a larger weight keeps the mask of half its values beside one table of 8 bits', () => {
    const facts = { shape: [512, 512] }
    expect(name(planned(facts, 'palette8/g16', { target: 'coreml-ios16' }))).toBe('int8/channel')
    expect(name(planned(facts, 'palette8/g16'))).toBe('palette8/g16')
  })

  test('each change has its reason, with what it led to', () => {
    expect(planned({}, 'int4', { target: 'coreml-ios16' }).reasons).toEqual([
      'int4 by precision',
      'iOS 18 is the first system with 4-bit integers: int8/channel',
    ])
    expect(planned({}, 'palette3/g16', { target: 'coreml-ios17' }).reasons).toEqual([
      'palette3/g16 by precision',
      'iOS 18 is the first system with more than one table a weight; more bits make up for it: palette4',
    ])
  })

  test('a package that needs iOS 18 anyway is planned as for iOS 18', () => {
    expect(name(planned({}, 'int4', { target: 'coreml-ios16', spec: 9 }))).toBe('int4/32')
  })
})

describe('a program that cannot be raised', () => {
  test.for([
    { asked: 'int4', reachable: 7, gets: 'int8/channel' },
    { asked: 'palette4/g16', reachable: 8, gets: 'palette6' },
    { asked: 'int4', reachable: 9, gets: 'int4/32' },
    { asked: 'int8', reachable: 6, gets: 'fp16' },
    { asked: 'sparse75+int8', reachable: 6, gets: 'fp16' },
    { asked: 'fp16', reachable: 6, gets: 'fp16' },
  ])('to $reachable: $asked is $gets', ({ asked, reachable, gets }) => {
    const facts = { shape: [64, 96] }
    expect(name(planned(facts, asked, { spec: 6, reachable }))).toBe(gets)
  })

  test('the reason says what stands in the way', () => {
    expect(planned({ shape: [64, 96] }, 'int4', { spec: 6, reachable: 7 }).reasons.at(-1)).toBe(
      'iOS 18 is the first system with 4-bit integers, and the program cannot be raised ' +
        '(crop_resize has another meaning there): int8/channel',
    )
  })
})

describe('what runs on the Neural Engine', () => {
  test.for<{ asked: string; unit: ComputeUnit; gets: string; shape?: readonly number[] }>([
    { asked: 'int4', unit: 'ane', gets: 'palette4/g16' },
    { asked: 'int4/16/asym', unit: 'ane', gets: 'palette4/g16' },
    { asked: 'int3/32', unit: 'ane', gets: 'palette3/g16' },
    { asked: 'int2/32', unit: 'ane', gets: 'palette2/g16' },
    { asked: 'int8/32', unit: 'ane', gets: 'int8/channel' },
    { asked: 'int4/channel', unit: 'ane', gets: 'int4/channel' },
    { asked: 'int8', unit: 'ane', gets: 'int8/channel' },
    { asked: 'palette4/g16', unit: 'ane', gets: 'palette4/g16' },
    { asked: 'sparse50+int4', unit: 'ane', gets: 'sparse50+palette4/g16' },
    { asked: 'int4', unit: 'gpu', gets: 'int4/32' },
    { asked: 'int4', unit: 'cpu', gets: 'int4/32' },
    { asked: 'palette4', unit: 'gpu', gets: 'palette4' },
    // 24 channels: groups of 12; 8 channels: one group; 254 and 257: no group of 4 or more.
    { asked: 'int4', unit: 'ane', gets: 'palette4/g12', shape: [24, 1024] },
    { asked: 'int4', unit: 'ane', gets: 'palette4', shape: [8, 1024] },
    { asked: 'int4', unit: 'ane', gets: 'palette6', shape: [254, 1024] },
    { asked: 'int4', unit: 'ane', gets: 'palette6', shape: [257, 1024] },
    // Of 37, 46 and 61 channels no group is fast: one table of more bits, unless few were asked for.
    { asked: 'palette4/g16', unit: 'ane', gets: 'palette6', shape: [37, 1024] },
    { asked: 'palette4/g16', unit: 'ane', gets: 'palette6', shape: [46, 1024] },
    { asked: 'palette3/g8/int8', unit: 'ane', gets: 'palette4/int8', shape: [61, 1024] },
    { asked: 'palette8/g16', unit: 'ane', gets: 'int8/channel', shape: [37, 1024] },
    { asked: 'sparse50+palette4/g16', unit: 'ane', gets: 'sparse50+palette6', shape: [37, 1024] },
    { asked: 'palette4/g16', unit: 'ane', gets: 'palette4/g12', shape: [24, 1024] },
    { asked: 'palette4/g16', unit: 'ane', gets: 'palette4', shape: [13, 1024] },
    { asked: 'palette4/g2', unit: 'ane', gets: 'palette4/g2', shape: [46, 1024] },
    { asked: 'palette4/g16', unit: 'gpu', gets: 'palette4/g2', shape: [46, 1024] },
  ])('$asked for $unit of $shape is $gets', ({ asked, unit, gets, shape = [64, 96] }) => {
    expect(name(planned({ shape }, asked, { unit }))).toBe(gets)
  })

  test('says why groups became one table', () => {
    expect(planned({ shape: [37, 1024] }, 'palette4/g16', { unit: 'ane' }).reasons.at(-1)).toBe(
      'no group of 4 to 16 divides 37 output channels, and tables of fewer are slow on the Neural ' +
        'Engine; one table of more bits runs there: palette6',
    )
  })

  test('before iOS 18 there is one table, of more bits', () => {
    expect(name(planned({}, 'int4', { unit: 'ane', target: 'coreml-ios17' }))).toBe('palette6')
  })
})

describe('what the shape of a weight allows', () => {
  test.for<{ asked: string; facts: Partial<WeightFacts>; gets: string }>([
    { asked: 'int4', facts: { shape: [64, 48] }, gets: 'int4/24' },
    { asked: 'int4', facts: { shape: [64, 32] }, gets: 'int4/channel' },
    { asked: 'int4', facts: { shape: [64, 20] }, gets: 'int4/channel' },
    // 37, 31 and 2 x 31 inputs: scales of blocks of 1 and of 2 values cost more than codes.
    { asked: 'int4', facts: { shape: [64, 37] }, gets: 'int4/channel' },
    { asked: 'int4/16/asym', facts: { shape: [64, 31] }, gets: 'int4/channel/asym' },
    { asked: 'int4/16', facts: { shape: [64, 62] }, gets: 'int4/channel' },
    { asked: 'int8/1', facts: { shape: [64, 37] }, gets: 'int8/channel' },
    // A block spans the kernel: 2 channels of 3 x 3 are 18 values.
    { asked: 'int4/16', facts: { role: 'conv', shape: [64, 62, 3, 3] }, gets: 'int4/2' },
    { asked: 'palette4/g16', facts: { shape: [24, 512] }, gets: 'palette4/g12' },
    { asked: 'palette4/g16', facts: { shape: [16, 512] }, gets: 'palette4' },
    { asked: 'palette2/g2', facts: { shape: [31, 512] }, gets: 'palette2/g1' },
    { asked: 'palette4x4', facts: { shape: [30, 512] }, gets: 'palette4x3' },
    { asked: 'palette4/g6x4', facts: { shape: [30, 512] }, gets: 'palette4/g6x3' },
    { asked: 'palette4/g8x2', facts: { shape: [20, 512] }, gets: 'palette4/g4x2' },
    { asked: 'palette4/g8x2', facts: { shape: [10, 512] }, gets: 'palette4/g2x2' },
    { asked: 'palette4/g8x2', facts: { shape: [500, 512] }, gets: 'palette4/g4x2' },
    { asked: 'palette2/g1x2', facts: { shape: [30, 512] }, gets: 'palette2/g1' },
    // Outputs on axis 1, as of `matmul` by (inputs, outputs).
    {
      asked: 'int4',
      facts: { shape: [48, 64], outputAxis: 1, inputAxis: 0 },
      gets: 'int4/24',
    },
    {
      asked: 'int4',
      facts: { role: 'depthwise-conv', shape: [64, 1, 7, 7] },
      gets: 'int8/channel',
    },
    {
      asked: 'int4/channel',
      facts: { role: 'depthwise-conv', shape: [64, 1, 7, 7] },
      gets: 'int8/channel',
    },
    {
      asked: 'palette4',
      facts: { role: 'depthwise-conv', shape: [64, 1, 7, 7] },
      gets: 'palette4',
    },
    { asked: 'int4', facts: { role: 'vector', shape: [512] }, gets: 'fp16' },
  ])('$asked of $facts.shape is $gets', ({ asked, facts, gets }) => {
    expect(name(planned(facts, asked))).toBe(gets)
  })

  test('a prime number of inputs says why its 4 bits have a scale a channel', () => {
    expect(planned({ shape: [64, 37] }, 'int4').reasons.at(-1)).toBe(
      'blocks of 32 do not divide 37 input channels, and a scale of each value would take more room ' +
        'than codes: int4/channel',
    )
  })

  test('the axis of scales is that of the outputs', () => {
    const facts = { shape: [62, 64], outputAxis: 1, inputAxis: 0 }
    expect(planned(facts, 'int4/16').scheme).toMatchObject({
      dtype: 'int4',
      granularity: { kind: 'per-channel', axis: 1 },
    })
  })

  test('scales have the dtype in which operators compute', () => {
    const scaleDtype = (dtype: 'float16' | 'float32'): unknown => {
      const { scheme } = planned({ dtype, stored: plainStored(dtype) }, 'int8')
      return scheme.kind === 'affine' ? scheme.scaleDtype : null
    }
    expect(scaleDtype('float16')).toBe('float16')
    expect(scaleDtype('float32')).toBe('float32')
  })
})

describe('what is worth its bytes', () => {
  test.for<{ asked: string; facts: Partial<WeightFacts>; gets: string }>([
    // 8 x 8 fp16 are 128 bytes; a table of 256 has 512.
    { asked: 'palette8', facts: { shape: [8, 8] }, gets: 'fp16' },
    // 64 tables of 512 bytes for 6,144 values.
    { asked: 'palette8/g1', facts: { shape: [64, 96] }, gets: 'fp16' },
    // 64 bytes of codes and 8 scales, each in a blob of its own with a header: as many as fp16.
    { asked: 'int8', facts: { shape: [8, 8] }, gets: 'fp16' },
    { asked: 'int8', facts: { shape: [8, 32] }, gets: 'int8/channel' },
    // A mask of 1/8 byte and 90 % of 2 bytes: 1.925 a value; 99 % of 1 byte and a mask are more than 1.
    { asked: 'sparse10+fp16', facts: { shape: [64, 96] }, gets: 'sparse10+fp16' },
    { asked: 'sparse10+int8', facts: { shape: [64, 96] }, gets: 'int8/channel' },
    // A fourth of 4 bits is what the mask takes.
    { asked: 'sparse25+int4/channel', facts: { shape: [64, 96] }, gets: 'int4/channel' },
    { asked: 'sparse50+int4/channel', facts: { shape: [64, 96] }, gets: 'sparse50+int4/channel' },
  ])('$asked of $facts.shape is $gets', ({ asked, facts, gets }) => {
    expect(name(planned(facts, asked))).toBe(gets)
  })

  test('zeros that are there already decide about leaving them out', () => {
    const shape = [64, 96]
    const withZeros = (zeros: number): Partial<WeightFacts> => ({
      shape,
      scan: { ...SOUND_SCAN, zeros },
    })
    expect(name(planned(withZeros(0), 'sparse@0+fp16'))).toBe('fp16')
    expect(name(planned(withZeros(3072), 'sparse@0+fp16'))).toBe('sparse@0+fp16')
    // How many values a threshold takes is known when they are read.
    expect(name(planned(withZeros(0), 'sparse@0.01+fp16'))).toBe('sparse@0.01+fp16')
  })
})

describe('values beyond fp16', () => {
  const upTo = (max: number, dtype: 'float16' | 'float32'): Partial<WeightFacts> => ({
    dtype,
    stored: plainStored(dtype),
    shape: [64, 96],
    scan: { ...SOUND_SCAN, max },
  })

  test.for([
    { asked: 'fp16', facts: upTo(70_000, 'float32'), gets: 'fp32' },
    { asked: 'fp16', facts: upTo(65_000, 'float32'), gets: 'fp16' },
    { asked: 'int8', facts: upTo(1e30, 'float32'), gets: 'int8/channel' },
    { asked: 'int8', facts: upTo(40_000, 'float16'), gets: 'int8/channel' },
    // 127 steps of a scale that rounding may enlarge by 2^-11 pass 65,504 from 65,472 on.
    { asked: 'int8', facts: upTo(65_504, 'float16'), gets: 'fp16' },
    { asked: 'int8', facts: upTo(65_440, 'float16'), gets: 'int8/channel' },
    { asked: 'int4', facts: upTo(60_000, 'float16'), gets: 'fp16' },
    { asked: 'palette8', facts: upTo(65_504, 'float16'), gets: 'palette8' },
  ])('$asked of values up to $facts.scan.max is $gets', ({ asked, facts, gets }) => {
    expect(name(planned(facts, asked))).toBe(gets)
  })
})

describe('what chooses scales and tables', () => {
  test.for([
    { asked: 'int8', algorithm: null, gets: 'round' },
    { asked: 'int4', algorithm: null, gets: 'mse' },
    { asked: 'int8', algorithm: 'mse', gets: 'mse' },
    { asked: 'int4', algorithm: 'kmeans', gets: 'mse' },
    { asked: 'palette4', algorithm: null, gets: 'kmeans' },
    { asked: 'palette4', algorithm: 'mse', gets: 'kmeans' },
    { asked: 'palette4', algorithm: 'uniform', gets: 'uniform' },
    { asked: 'palette4x2', algorithm: 'uniform', gets: 'kmeans' },
    { asked: 'palette4/scale', algorithm: 'unique', gets: 'kmeans' },
    { asked: 'palette4/scale', algorithm: 'uniform', gets: 'uniform' },
    { asked: 'sparse50+palette4', algorithm: 'unique', gets: 'unique' },
    { asked: 'sparse50+int4', algorithm: null, gets: 'mse' },
    { asked: 'fp16', algorithm: 'kmeans', gets: 'round' },
  ] as const)('$asked with $algorithm takes $gets', ({ asked, algorithm, gets }) => {
    expect(planned({ shape: [64, 96] }, asked, { algorithm }).algorithm).toBe(gets)
  })
})

describe('a weight whose operations want different axes', () => {
  const disagreement = 'linear ("a") decides that output channels lie along axis 0'
  const torn = { stored: { ...plainStored('float16'), disagreement } }

  test('says so where scales or tables lie along an axis, and stays as it was asked for', () => {
    for (const asked of ['int8/channel', 'int4/32', 'palette4/g16', 'sparse75+int8/channel']) {
      const layer = planned(torn, asked)
      expect(name(layer)).toBe(asked)
      expect(layer.reasons.at(-1)).toContain(disagreement)
    }
  })

  test('says nothing where they are one for all', () => {
    for (const asked of ['fp16', 'int8/tensor', 'palette4']) {
      expect(planned(torn, asked).reasons).toHaveLength(1)
    }
  })
})
