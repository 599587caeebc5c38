import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { planRequest, SOUND_SCAN, weightFact } from '../../test/helpers/facts.ts'
import type { WeightFacts } from '../audit/audit-types.ts'
import { onnxForm } from '../formats/onnx/forms.ts'
import { precisionName } from '../scheme/precision.ts'
import type { LayerPlan } from './plan-types.ts'
import { makePlan } from './plan.ts'

/** The plan of one weight whose component is asked to be `precision`. */
function byComponent(facts: Partial<WeightFacts>, precision: string): LayerPlan {
  const plan = makePlan([weightFact(facts)], planRequest({ components: { decoder: precision } }))
  return onlyLayer(plan.layers)
}

/** The same, asked for by `--precision`. */
function literal(facts: Partial<WeightFacts>, precision: string): LayerPlan {
  return onlyLayer(makePlan([weightFact(facts)], planRequest({ precision })).layers)
}

function onlyLayer(layers: readonly LayerPlan[]): LayerPlan {
  const [layer] = layers
  if (layer === undefined || layers.length !== 1) throw new TypeError('not one layer')
  return layer
}

const scan = (range: Partial<typeof SOUND_SCAN>): Partial<WeightFacts> => ({
  scan: { ...SOUND_SCAN, ...range },
})

describe('default protection', () => {
  test.for([
    { what: 'a stem weight', facts: { position: 'stem' }, asked: 'int4', gets: 'int8/channel' },
    { what: 'the last weight', facts: { position: 'last' }, asked: 'int4', gets: 'int8/channel' },
    { what: 'the last weight', facts: { position: 'last' }, asked: 'int8', gets: 'fp16' },
    { what: 'the last weight', facts: { position: 'last' }, asked: 'fp16', gets: 'fp16' },
    { what: 'the last weight', facts: { position: 'last' }, asked: 'int8/tensor', gets: 'fp16' },
    {
      what: 'asymmetry',
      facts: { position: 'last' },
      asked: 'int4/asym',
      gets: 'int8/channel/asym',
    },
    { what: '2047 elements', facts: { shape: [23, 89] }, asked: 'int4', gets: 'int8/channel' },
    { what: '2048 elements', facts: { shape: [32, 64] }, asked: 'int4', gets: 'int4/32' },
    { what: 'an inner weight', facts: {}, asked: 'int4', gets: 'int4/32' },
    { what: '3 bits', facts: { position: 'stem' }, asked: 'int3', gets: 'int4/32' },
    { what: 'a 4-bit table', facts: { position: 'stem' }, asked: 'palette4', gets: 'int8/channel' },
    {
      what: 'a sparse weight',
      facts: { position: 'stem' },
      asked: 'sparse50+int4',
      gets: 'int4/32',
    },
  ] as const)('$what asked to be $asked becomes $gets', ({ facts, asked, gets }) => {
    expect(precisionName(byComponent(facts, asked).scheme)).toBe(gets)
  })

  test('its reason names the rule and what it led to', () => {
    expect(byComponent({ position: 'stem' }, 'int4').reasons).toEqual([
      'int4 by component',
      'in the stem, before the first repeated block: one step up to int8/channel',
      'with fp32 scales ONNX Runtime fuses DequantizeLinear and MatMul: fp32 scales',
    ])
  })

  test('what was asked for by name is never protected', () => {
    const stem = weightFact({ position: 'stem' })
    for (const request of [
      planRequest({ precision: 'int4' }),
      planRequest({
        components: { decoder: 'int8' },
        layers: [{ pattern: '*.weight', precision: 'int4' }],
      }),
    ]) {
      expect(makePlan([stem], request).layers[0]?.scheme).toMatchObject({ dtype: 'int4' })
    }
  })

  test('--no-protect keeps the precision of the component', () => {
    const request = planRequest({ components: { decoder: 'int4' }, protect: false })
    const { layers } = makePlan([weightFact({ position: 'stem' })], request)
    expect(layers[0]?.scheme).toMatchObject({ dtype: 'int4' })
  })
})

describe('the precision that is asked for', () => {
  const weights = [
    weightFact({ layer: 'decoder.a' }),
    weightFact({ layer: 'vision.a', component: 'vision' }),
    weightFact({ layer: 'other.a', component: 'other' }),
  ]
  const request = planRequest({
    precision: 'int8/64',
    components: { decoder: 'int4/64', vision: 'fp32' },
    layers: [
      { pattern: '*.a', precision: 'fp16' },
      { pattern: 'decoder.*', precision: 'int4/16' },
    ],
  })

  test('layers win over components, the last pattern over others, all over --precision', () => {
    const names = makePlan(weights, request).layers.map(({ scheme }) => precisionName(scheme))
    expect(names).toEqual(['int4/16', 'fp16', 'fp16'])
    const { layers } = makePlan(weights, { ...request, layers: [] })
    expect(layers.map(({ scheme }) => precisionName(scheme))).toEqual([
      'int4/64',
      'fp32',
      'int8/64',
    ])
  })

  test('without any, weights are fp16, and the reason says that it is the default', () => {
    expect(onlyLayer(makePlan([weightFact()], planRequest()).layers)).toMatchObject({
      scheme: { kind: 'float', dtype: 'float16' },
      reasons: ['fp16 by default'],
    })
  })

  test.for([
    { code: 'pattern-without-match', request: { layers: [{ pattern: 'x', precision: 'int4' }] } },
    { code: 'pattern-without-match', request: { components: { x: 'int4' } } },
    { code: 'invalid-precision', request: { precision: 'int5' } },
    { code: 'unsupported-scheme', request: { precision: 'w8a8' } },
  ])('a wish that cannot be read gives $code', ({ code, request }) => {
    expect(() => makePlan([weightFact()], planRequest(request))).toThrow(
      expect.objectContaining({ code }),
    )
  })
})

describe('vectors', () => {
  test.for([
    { asked: 'int4', gets: 'fp16' },
    { asked: 'fp32', gets: 'fp32' },
    { asked: 'sparse50+fp32', gets: 'fp32' },
  ])('asked to be $asked are $gets', ({ asked, gets }) => {
    const { scheme } = literal({ role: 'vector', shape: [4096] }, asked)
    expect(precisionName(scheme)).toBe(gets)
  })

  test('are no change of what was asked for', () => {
    const plan = makePlan(
      [weightFact({ role: 'vector', shape: [64] })],
      planRequest({ precision: 'int4' }),
    )
    expect(plan.findings).toEqual([])
  })
})

const depthwise = { role: 'depthwise-conv', shape: [64, 1, 7, 7] } as const
const conv = (inputs: number, kernel: number): Partial<WeightFacts> => ({
  role: 'conv',
  shape: [256, inputs, kernel, kernel],
})
const linear = (inputs: number): Partial<WeightFacts> => ({ shape: [512, inputs] })
const table = (role: 'embedding' | 'tied-embedding', columns: number): Partial<WeightFacts> => ({
  role,
  shape: [1000, columns],
})

describe('shapes', () => {
  test.for([
    { what: 'depthwise', facts: depthwise, asked: 'int4', gets: 'int8/channel' },
    { what: 'depthwise', facts: depthwise, asked: 'int8/32', gets: 'int8/channel' },
    { what: 'depthwise', facts: depthwise, asked: 'int8/tensor', gets: 'int8/tensor' },
    { what: 'depthwise', facts: depthwise, asked: 'palette4', gets: 'int8/channel' },
    { what: 'depthwise', facts: depthwise, asked: 'sparse2:4+int4', gets: 'int8/channel' },
    { what: 'depthwise', facts: depthwise, asked: 'fp16', gets: 'fp16' },
    // 48 = 24 * 2 is the nearest below 32; 20 below 32 divides 40.
    { what: 'conv 48', facts: conv(48, 1), asked: 'int4', gets: 'int4/24' },
    { what: 'conv 40', facts: conv(40, 3), asked: 'int4', gets: 'int4/20' },
    { what: 'conv 64', facts: conv(64, 3), asked: 'int4', gets: 'int4/32' },
    { what: 'conv 64', facts: conv(64, 3), asked: 'int2', gets: 'int2/32' },
    { what: 'depthwise', facts: depthwise, asked: 'int2', gets: 'int8/channel' },
    { what: 'linear 192', facts: linear(192), asked: 'int2', gets: 'int2/32' },
    { what: 'table 192', facts: table('embedding', 192), asked: 'int2/asym', gets: 'int2/32/asym' },
    { what: 'conv of a picture', facts: conv(3, 3), asked: 'int4', gets: 'int4/channel' },
    // 37 is prime: blocks of one channel hold 9 values under a 3x3 kernel, but 1 under a 1x1.
    { what: 'conv 37 3x3', facts: conv(37, 3), asked: 'int4', gets: 'int4/1' },
    { what: 'conv 37 1x1', facts: conv(37, 1), asked: 'int4', gets: 'int4/channel' },
    { what: 'conv 14', facts: conv(14, 1), asked: 'int4/8', gets: 'int4/7' },
    { what: 'linear 48', facts: linear(48), asked: 'int4', gets: 'int4/16' },
    { what: 'linear 48, which 24 divides', facts: linear(48), asked: 'int4/24', gets: 'int4/24' },
    { what: 'linear 40, without kernel blocks', facts: linear(40), asked: 'int4', gets: 'int4/20' },
    { what: 'linear 1024', facts: linear(1024), asked: 'int4/512', gets: 'int4/512' },
    { what: 'linear 37', facts: linear(37), asked: 'int8/32', gets: 'int8/channel' },
    { what: 'table 192', facts: table('embedding', 192), asked: 'int8', gets: 'int8/channel' },
    { what: 'table 192', facts: table('embedding', 192), asked: 'int4', gets: 'int4/32' },
    { what: 'table 48', facts: table('embedding', 48), asked: 'int8/24', gets: 'int8/16' },
    { what: 'table 192', facts: table('embedding', 192), asked: 'int4/channel', gets: 'int4/64' },
    { what: 'table 40', facts: table('embedding', 40), asked: 'int4', gets: 'int8/channel' },
    { what: 'table 40', facts: table('embedding', 40), asked: 'int8/20', gets: 'fp16' },
    { what: 'table 40', facts: table('embedding', 40), asked: 'int8/40', gets: 'int8/channel' },
    { what: 'tied 192', facts: table('tied-embedding', 192), asked: 'int8', gets: 'int8/64' },
    { what: 'tied 896', facts: table('tied-embedding', 896), asked: 'int8', gets: 'int8/128' },
    { what: 'tied 48', facts: table('tied-embedding', 48), asked: 'int4', gets: 'int4/16' },
    { what: 'tied 40', facts: table('tied-embedding', 40), asked: 'int8', gets: 'fp16' },
  ] as const)('$what asked to be $asked becomes $gets', ({ facts, asked, gets }) => {
    expect(precisionName(literal(facts, asked).scheme)).toBe(gets)
  })

  test.for([
    { asked: 'palette6', gets: 'int8/channel' },
    { asked: 'palette4', gets: 'int4/24' },
    { asked: 'sparse50+int4', gets: 'int4/24' },
    { asked: 'sparse50+palette2', gets: 'int4/24' },
    { asked: 'int3/48', gets: 'int4/48' },
  ])('$asked, which ONNX has no form for, becomes $gets on 48 channels', ({ asked, gets }) => {
    expect(precisionName(literal(conv(48, 1), asked).scheme)).toBe(gets)
  })

  test('without a literal wish, linear weights take blocks that kernels have', () => {
    expect(precisionName(byComponent(linear(96), 'int4/24').scheme)).toBe('int4/16')
  })

  test('every change gives its reason, in the order of the rules', () => {
    expect(literal(conv(48, 1), 'sparse50+palette3').reasons).toEqual([
      'sparse50+palette3 by precision',
      'ONNX Runtime has no kernels for sparse weights: palette3',
      'ONNX has no operator for lookup tables: int4/32',
      'blocks of 32 do not divide 48 channels: blocks of 24',
    ])
  })

  test('a changed literal wish is a finding with an example', () => {
    const weights = [
      weightFact({ layer: 'decoder.a', ...linear(48) }),
      weightFact({ layer: 'decoder.b' }),
    ]
    expect(makePlan(weights, planRequest({ precision: 'int4' })).findings).toEqual([
      expect.objectContaining({
        code: 'precision-adapted',
        message: expect.stringMatching(/^1 of 2 weights .*"decoder\.a": blocks of 32 do not/u),
      }),
    ])
  })
})

describe('values', () => {
  test('NaN weights are refused, whatever is asked for', () => {
    expect(() =>
      makePlan([weightFact(scan({ notFinite: 3 }))], planRequest({ precision: 'fp32' })),
    ).toThrow(expect.objectContaining({ code: 'not-finite' }))
  })

  test.for([
    { what: 'the largest fp16 stays fp16', range: { max: 65504 }, dtype: 'float16' },
    { what: 'more than fp16 holds is fp32', range: { max: 65505 }, dtype: 'float32' },
    { what: 'less than fp16 holds is fp32', range: { min: -7e4 }, dtype: 'float32' },
  ])('float: $what', ({ range, dtype }) => {
    expect(literal(scan(range), 'fp16').scheme).toMatchObject({ kind: 'float', dtype })
  })

  // int4 in MatMulNBits decodes to fp32, so only the scale, max / 7, must fit fp16. In a
  // convolution fp16 scales decode to fp16, and code -8 lies at 8/7 of the largest value.
  test.for([
    { what: 'a scale that fits', facts: { ...scan({ max: 4.5e5 }) }, scales: 'float16' },
    { what: 'a scale beyond fp16', facts: { ...scan({ max: 4.6e5 }) }, scales: 'float32' },
    {
      what: 'a convolution that decodes within fp16',
      facts: { ...conv(64, 1), ...scan({ max: 57_000 }) },
      scales: 'float16',
    },
    {
      what: 'a convolution that decodes beyond fp16',
      facts: { ...conv(64, 1), ...scan({ min: -58_000 }) },
      scales: 'float32',
    },
    // 2^-17 * 8 levels = 2^-14.
    { what: 'small scales', facts: scan({ smallestGroup: 2 ** -14 }), scales: 'float16' },
    { what: 'tiny scales', facts: scan({ smallestGroup: 2 ** -15 }), scales: 'float32' },
    { what: 'an all-zero weight', facts: scan({ smallestGroup: null }), scales: 'float16' },
    { what: 'a weight that was not scanned', facts: { scan: null }, scales: 'float16' },
  ])('int4: $what has $scales scales', ({ facts, scales }) => {
    expect(literal(facts, 'int4').scheme).toMatchObject({ scaleDtype: scales })
  })

  test.for([
    { asked: 'int8', shape: [64, 64], scales: 'float32' },
    { asked: 'int8/tensor', shape: [64, 64], scales: 'float32' },
    { asked: 'int8/32', shape: [64, 64], scales: 'float16' },
    { asked: 'int4/channel', shape: [64, 64], scales: 'float16' },
    { asked: 'int4/20', shape: [64, 40], scales: 'float16' },
  ])('linear $asked has $scales scales, as ONNX Runtime fuses it', ({ asked, shape, scales }) => {
    expect(literal({ shape }, asked).scheme).toMatchObject({ scaleDtype: scales })
  })

  test('another scale dtype is no other precision', () => {
    const weights = [weightFact(scan({ smallestGroup: 2 ** -20 }))]
    expect(makePlan(weights, planRequest({ precision: 'int4' })).findings).toEqual([])
  })
})

describe('algorithm', () => {
  test.for([
    { precision: 'int4', algorithm: null, gets: 'mse' },
    { precision: 'int8', algorithm: null, gets: 'round' },
    { precision: 'fp16', algorithm: null, gets: 'round' },
    { precision: 'int4', algorithm: 'round', gets: 'round' },
    { precision: 'int8', algorithm: 'mse', gets: 'mse' },
    { precision: 'fp16', algorithm: 'mse', gets: 'round' },
  ] as const)('$precision with $algorithm uses $gets', ({ precision, algorithm, gets }) => {
    const { layers } = makePlan([weightFact()], planRequest({ precision, algorithm }))
    expect(layers[0]?.algorithm).toBe(gets)
  })
})

test('a table that is also the head says what a copy would take', () => {
  const { findings } = makePlan(
    [weightFact({ layer: 'text.weight', role: 'tied-embedding', shape: [1000, 64] })],
    planRequest({ components: { decoder: 'int8' } }),
  )
  // 64,000 codes and 1,000 fp16 scales.
  expect(findings).toEqual([
    expect.objectContaining({ code: 'table-shared', subject: 'text.weight' }),
  ])
  expect(findings[0]?.message).toContain('66000 bytes more')
})

const anyFacts = fc
  .record({
    role: fc.constantFrom(
      'linear',
      'conv',
      'depthwise-conv',
      'embedding',
      'tied-embedding',
      'vector',
      'other',
    ),
    rows: fc.integer({ min: 1, max: 70 }),
    columns: fc.integer({ min: 1, max: 300 }),
    kernel: fc.constantFrom([], [1, 1], [3, 3], [7]),
    position: fc.constantFrom('stem', 'last', 'inner'),
    largest: fc.constantFrom(0, 1e-9, 0.5, 6e4, 1e6, 3e38),
  })
  .map(({ role, rows, columns, kernel, position, largest }): Partial<WeightFacts> => {
    const shapes = { vector: [rows], 'depthwise-conv': [rows, 1, ...kernel] }
    const matrix = role === 'conv' ? [rows, columns, ...kernel] : [rows, columns]
    const shape = role === 'vector' || role === 'depthwise-conv' ? shapes[role] : matrix
    const smallestGroup = largest === 0 ? null : largest
    return { role, shape, position, ...scan({ min: -largest, max: largest, smallestGroup }) }
  })

const anyPrecision = fc.oneof(
  fc.constantFrom('fp32', 'fp16', 'palette1', 'palette3/g8', 'palette8x2', 'sparse2:4+int8'),
  fc
    .tuple(
      fc.constantFrom('', 'sparse50+'),
      fc.constantFrom('int8', 'int4', 'int3', 'int2'),
      fc.oneof(
        fc.constantFrom('', '/tensor', '/channel'),
        fc.integer({ min: 1, max: 600 }).map((block) => `/${block}`),
      ),
      fc.constantFrom('', '/asym'),
    )
    .map((parts) => parts.join('')),
)

test('every weight gets a scheme that the target can store, with its bytes', () => {
  fc.assert(
    fc.property(anyFacts, anyPrecision, fc.boolean(), (facts, precision, isLiteral) => {
      const layer = isLiteral ? literal(facts, precision) : byComponent(facts, precision)
      const form = onnxForm(layer.role, layer.shape, layer.scheme)
      expect(form.kind).not.toBe('none')
      expect(layer.reasons.length).toBeGreaterThan(0)
      const { codes, scales, zeroPoints } = layer.bytes
      expect(codes).toBeGreaterThan(0)
      for (const bytes of [codes, scales, zeroPoints]) expect(bytes).toSatisfy(Number.isInteger)
    }),
    { numRuns: 500 },
  )
})
