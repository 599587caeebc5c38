import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MixbitError } from '../base/error.ts'
import {
  PRECISION_FORMS,
  PRECISION_PATTERN,
  formatPrecision,
  parsePrecision,
  precisionName,
  schemeFor,
} from './precision.ts'
import type { Precision } from './precision.ts'

const int8 = { kind: 'affine', dtype: 'int8', symmetric: true, granularity: 'per-channel' } as const
const int4 = { kind: 'affine', dtype: 'int4', symmetric: true, granularity: { block: 32 } } as const
const palette4 = {
  kind: 'palette',
  bits: 4,
  granularity: 'per-tensor',
  vectorSize: 1,
  table: 'float',
  channelScale: false,
} as const

// Expected values: by hand from docs/precision.md.
const NAMES: readonly {
  readonly name: string
  readonly precision: Precision
  readonly short?: string
}[] = [
  { name: 'fp32', precision: { kind: 'float', dtype: 'float32' } },
  { name: 'fp16', precision: { kind: 'float', dtype: 'float16' } },
  { name: 'int8', precision: int8 },
  { name: 'int8/channel', precision: int8, short: 'int8' },
  { name: 'int8/tensor', precision: { ...int8, granularity: 'per-tensor' } },
  { name: 'int8/64', precision: { ...int8, granularity: { block: 64 } } },
  { name: 'int8/asym', precision: { ...int8, symmetric: false } },
  { name: 'int4', precision: int4 },
  { name: 'int4/32', precision: int4, short: 'int4' },
  { name: 'int4/16/asym', precision: { ...int4, granularity: { block: 16 }, symmetric: false } },
  { name: 'int4/channel', precision: { ...int4, granularity: 'per-channel' } },
  { name: 'int3', precision: { ...int4, dtype: 'int3' } },
  {
    name: 'int2/tensor/asym',
    precision: { ...int4, dtype: 'int2', granularity: 'per-tensor', symmetric: false },
  },
  { name: 'palette4', precision: palette4 },
  { name: 'palette4/tensor', precision: palette4, short: 'palette4' },
  { name: 'palette1/g1', precision: { ...palette4, bits: 1, granularity: 'per-channel' } },
  { name: 'palette6/g16', precision: { ...palette4, bits: 6, granularity: { block: 16 } } },
  { name: 'palette2x2', precision: { ...palette4, bits: 2, vectorSize: 2 } },
  {
    name: 'palette8/g8x4',
    precision: { ...palette4, bits: 8, granularity: { block: 8 }, vectorSize: 4 },
  },
  { name: 'palette3x1', precision: { ...palette4, bits: 3 }, short: 'palette3' },
  { name: 'palette4/int8', precision: { ...palette4, table: 'int8' } },
  { name: 'palette4/scale', precision: { ...palette4, channelScale: true } },
  {
    name: 'palette6/g16x2/int8/scale',
    precision: {
      kind: 'palette',
      bits: 6,
      granularity: { block: 16 },
      vectorSize: 2,
      table: 'int8',
      channelScale: true,
    },
  },
  {
    name: 'palette4/tensorx2/int8',
    precision: { ...palette4, vectorSize: 2, table: 'int8' },
    short: 'palette4x2/int8',
  },
  {
    name: 'sparse50+fp16',
    precision: {
      kind: 'sparse',
      pattern: { kind: 'fraction', zeros: 0.5 },
      values: { kind: 'float', dtype: 'float16' },
    },
  },
  {
    name: 'sparse29+int4/64',
    precision: {
      kind: 'sparse',
      pattern: { kind: 'fraction', zeros: 0.29 },
      values: { ...int4, granularity: { block: 64 } },
    },
  },
  {
    name: 'sparse2:4+int8',
    precision: { kind: 'sparse', pattern: { kind: 'n-of-m', n: 2, m: 4 }, values: int8 },
  },
  {
    name: 'sparse75/4+palette4',
    precision: {
      kind: 'sparse',
      pattern: { kind: 'structured', zeros: 0.75, size: 4 },
      values: palette4,
    },
  },
  {
    name: 'sparse@0.001+int8',
    precision: { kind: 'sparse', pattern: { kind: 'threshold', magnitude: 0.001 }, values: int8 },
  },
  {
    name: 'sparse@1e-12+fp16',
    precision: {
      kind: 'sparse',
      pattern: { kind: 'threshold', magnitude: 1e-12 },
      values: { kind: 'float', dtype: 'float16' },
    },
  },
  {
    name: 'sparse@0+int8',
    precision: { kind: 'sparse', pattern: { kind: 'threshold', magnitude: 0 }, values: int8 },
  },
  { name: 'w8a8', precision: { ...int8, activations: 'static' } },
  { name: 'w8a8/dynamic', precision: { ...int8, activations: 'dynamic' } },
  { name: 'dynamic', precision: { ...int8, activations: 'dynamic' }, short: 'w8a8/dynamic' },
]

test.for(NAMES)('$name is read with its defaults filled in', ({ name, precision }) => {
  expect(parsePrecision(name)).toEqual(precision)
})

test.for(NAMES)('$name is written in its shortest form', ({ name, precision, short }) => {
  expect(formatPrecision(precision)).toBe(short ?? name)
})

test.for(NAMES)('$name matches the pattern for editors', ({ name }) => {
  expect(name).toMatch(new RegExp(PRECISION_PATTERN, 'u'))
})

const BROKEN = [
  '',
  'int5',
  'int16',
  'INT8',
  ' int8',
  'int8 ',
  'int8\n',
  'int8/',
  'int8//asym',
  'int8/asym/tensor',
  'int8/block',
  'int4/0',
  'int4/-1',
  'int4/1.5',
  'int4/99999999999999999999',
  'int4/32/sym',
  'bf16',
  'float16',
  'palette',
  'palette5',
  'palette16',
  'palette4/g0',
  'palette4/channel',
  'palette4/32',
  'palette4x0',
  'palette4x33',
  'palette4/asym',
  'palette4/int4',
  'palette4/scale/int8',
  'palette4/int8/int8',
  'palette4/int8x2',
  'sparse+int8',
  'sparse50/0+int8',
  'sparse50/+int8',
  'sparse50/2/2+int8',
  'sparse0/2+int8',
  'sparse@+int8',
  'sparse@-1+int8',
  'sparse@.5+int8',
  'sparse@1e+4+int8',
  'sparse@65505+int8',
  'sparse@1e999+int8',
  'sparse@Infinity+int8',
  'sparse0+int8',
  'sparse100+int8',
  'sparse50',
  'sparse50+',
  'sparse50+w8a8',
  'sparse50+dynamic',
  'sparse50+sparse50+int8',
  'sparse4:4+int8',
  'sparse0:4+int8',
  'sparse2:64+int8',
  'sparse1:1+int8',
  'sparse2:+int8',
  'w8a8/static',
  'w4a8',
  'w8a8/asym',
  'constructor',
  '__proto__',
]

test.for(BROKEN)('"%s" is refused with the code invalid-precision', (name) => {
  expect(() => parsePrecision(name)).toThrow(expect.objectContaining({ code: 'invalid-precision' }))
})

test('the error names what was found, and its facts have every valid form', () => {
  expect(() => parsePrecision('int5')).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(
        /^"int5" is not a precision\. Did you mean "int4" or "int8"\?/u,
      ),
      facts: { found: 'int5', near: ['int4', 'int8'], forms: PRECISION_FORMS },
    }),
  )
})

test('any text gives a precision or a coded error, and never anything else', () => {
  const piece = fc.constantFrom(
    'int',
    '8',
    '4',
    '/',
    'asym',
    'x',
    'g',
    'palette',
    'sparse',
    '+',
    ':',
    'w8a8',
    'tensor',
    '@',
    'e-',
    'scale',
    '.',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 9 }).map((all) => all.join('')),
  )
  fc.assert(
    fc.property(text, (name) => {
      const precision = tryParse(name)
      const again = precision === undefined ? undefined : parsePrecision(formatPrecision(precision))
      expect(again).toEqual(precision)
      expect(precision === undefined || new RegExp(PRECISION_PATTERN, 'u').test(name)).toBe(true)
    }),
  )
})

/** `undefined` when refused with the right code; every other error goes through. */
function tryParse(name: string): Precision | undefined {
  try {
    return parsePrecision(name)
  } catch (error) {
    if (error instanceof MixbitError && error.code === 'invalid-precision') return undefined
    throw error
  }
}

const block = fc.integer({ min: 1, max: 4096 }).map((size) => ({ block: size }))
const group = fc.integer({ min: 2, max: 4096 }).map((size) => ({ block: size }))
const plain = fc.oneof(
  fc.record({
    kind: fc.constant('float' as const),
    dtype: fc.constantFrom('float32' as const, 'float16' as const),
  }),
  fc.record({
    kind: fc.constant('affine' as const),
    dtype: fc.constantFrom('int8' as const, 'int4' as const, 'int3' as const, 'int2' as const),
    symmetric: fc.boolean(),
    granularity: fc.oneof(fc.constantFrom('per-tensor' as const, 'per-channel' as const), block),
  }),
  fc.record({
    kind: fc.constant('palette' as const),
    bits: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const, 6 as const, 8 as const),
    granularity: fc.oneof(fc.constantFrom('per-tensor' as const, 'per-channel' as const), group),
    vectorSize: fc.integer({ min: 1, max: 32 }),
    table: fc.constantFrom('float' as const, 'int8' as const),
    channelScale: fc.boolean(),
  }),
)
const pattern = fc.oneof(
  fc
    .integer({ min: 1, max: 99 })
    .map((percent) => ({ kind: 'fraction' as const, zeros: percent / 100 })),
  fc
    .tuple(fc.integer({ min: 1, max: 31 }), fc.integer({ min: 2, max: 32 }))
    .filter(([n, m]) => n < m)
    .map(([n, m]) => ({ kind: 'n-of-m' as const, n, m })),
  fc
    .tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 4096 }))
    .map(([percent, size]) => ({ kind: 'structured' as const, zeros: percent / 100, size })),
  fc
    .double({ min: 0, max: 65504, noNaN: true })
    .map((magnitude) => ({ kind: 'threshold' as const, magnitude: magnitude + 0 })),
)
const weights: fc.Arbitrary<Precision> = fc.oneof(
  plain,
  fc.record({ kind: fc.constant('sparse' as const), pattern, values: plain }),
)

test('reading a written precision gives it back', () => {
  const activations = fc
    .constantFrom('static' as const, 'dynamic' as const)
    .map((activations): Precision => Object.assign({ activations }, int8))
  fc.assert(
    fc.property(fc.oneof(weights, activations), (precision) => {
      expect(parsePrecision(formatPrecision(precision))).toEqual(precision)
    }),
  )
})

test('reading the name of a scheme gives that scheme again on the same axes', () => {
  const axes = fc.constantFrom({ outputAxis: 0, inputAxis: 1 }, { outputAxis: 1, inputAxis: 0 })
  fc.assert(
    fc.property(weights, axes, (precision, where) => {
      const scheme = schemeFor(precision, where)
      expect(schemeFor(parsePrecision(precisionName(scheme)), where)).toEqual(scheme)
    }),
  )
})

test.for([
  {
    name: 'int8',
    scheme: {
      kind: 'affine',
      dtype: 'int8',
      symmetric: true,
      granularity: { kind: 'per-channel', axis: 1 },
      scaleDtype: 'float16',
    },
  },
  {
    name: 'int4/64/asym',
    scheme: {
      kind: 'affine',
      dtype: 'int4',
      symmetric: false,
      granularity: { kind: 'per-block', axis: 0, blockSize: 64 },
      scaleDtype: 'float16',
    },
  },
  {
    name: 'int2/tensor',
    scheme: {
      kind: 'affine',
      dtype: 'int2',
      symmetric: true,
      granularity: { kind: 'per-tensor' },
      scaleDtype: 'float16',
    },
  },
  {
    name: 'palette4/g16',
    scheme: {
      kind: 'palette',
      bits: 4,
      granularity: { kind: 'per-block', axis: 1, blockSize: 16 },
      vectorSize: 1,
      table: 'float',
      channelScale: false,
    },
  },
  {
    name: 'palette4/g1',
    scheme: {
      kind: 'palette',
      bits: 4,
      granularity: { kind: 'per-channel', axis: 1 },
      vectorSize: 1,
      table: 'float',
      channelScale: false,
    },
  },
])(
  'schemeFor: $name puts blocks on inputs, and channels and groups on outputs',
  ({ name, scheme }) => {
    expect(schemeFor(parsePrecision(name), { outputAxis: 1, inputAxis: 0 })).toEqual(scheme)
  },
)

test('schemeFor keeps activations out of the scheme and takes the dtype of scales', () => {
  const axes = { outputAxis: 0, inputAxis: 1, scaleDtype: 'float32' } as const
  expect(schemeFor(parsePrecision('w8a8'), axes)).toEqual({
    kind: 'affine',
    dtype: 'int8',
    symmetric: true,
    granularity: { kind: 'per-channel', axis: 0 },
    scaleDtype: 'float32',
  })
})

test.for([
  ['fp16', 'fp16'],
  ['int8', 'int8/channel'],
  ['int4', 'int4/32'],
  ['int4/tensor/asym', 'int4/tensor/asym'],
  ['palette4', 'palette4'],
  ['palette4/int8/scale', 'palette4/int8/scale'],
  ['sparse2:4+int4', 'sparse2:4+int4/32'],
  ['sparse50/2+int8', 'sparse50/2+int8/channel'],
  ['sparse@0.5+int4', 'sparse@0.5+int4/32'],
] as const)('precisionName spells out what is shared: %s is %s', ([name, spelled]) => {
  expect(precisionName(schemeFor(parsePrecision(name), { outputAxis: 0, inputAxis: 1 }))).toBe(
    spelled,
  )
})

test('precisionName knows bfloat16, which is read but has no precision name', () => {
  expect(precisionName({ kind: 'float', dtype: 'bfloat16' })).toBe('bf16')
})
