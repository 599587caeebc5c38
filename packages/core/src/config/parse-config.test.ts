import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MixbitError } from '../base/error.ts'
import { parseConfig } from './parse-config.ts'

test('a whole config is read, with layers in order and sizes in bytes', () => {
  const config = {
    $schema: './config.schema.json',
    model: './FastVLM-0.5B',
    target: 'transformers-js',
    preset: 'balanced',
    precision: 'int8',
    components: { vision_encoder: 'int4', text_encoder: 'int8' },
    layers: { 'decoder.layers.0.*': 'int8', 'decoder.*.norm': 'fp16' },
    algorithm: 'mse',
    protect: false,
    seed: 7,
    numerics: 'device',
    calibration: { data: 'calibration.json', samples: 1000 },
    evaluation: [{ data: 'val.json', limit: 1000, maxDrop: 0.03, minRetained: 0.95 }],
    budget: { size: '500MB' },
  }
  const { $schema: _, ...rest } = config
  expect(parseConfig(config, 'mixbit.config.yaml')).toEqual({
    ...rest,
    layers: [
      { pattern: 'decoder.layers.0.*', precision: 'int8' },
      { pattern: 'decoder.*.norm', precision: 'fp16' },
    ],
    budget: { size: 500_000_000 },
  })
})

test('an empty config asks for nothing', () => {
  expect(parseConfig({}, 'c')).toEqual({})
  expect(parseConfig({ budget: {}, calibration: {} }, 'c')).toEqual({ budget: {}, calibration: {} })
})

test.for([
  {
    what: { prest: 'balanced' },
    says: 'prest is not a setting. Did you mean "preset"? Allowed here: model, target, preset, precision, components, layers, algorithm, computeUnit, protect, seed, numerics, calibration, evaluation, budget.',
  },
  {
    what: { preset: 'balance' },
    says: 'preset must be one of mobile_optimized, balanced, quality_focused, ultra_fast; found "balance". Did you mean "balanced"?',
  },
  {
    what: { preset: 3 },
    says: 'preset must be one of mobile_optimized, balanced, quality_focused, ultra_fast; found 3.',
  },
  {
    what: { target: 'tflite' },
    says: 'target must be one of transformers-js, onnx, coreml-ios16, coreml-ios17, coreml-ios18; found "tflite".',
  },
  {
    what: { components: { decoder: 'int5' } },
    says: 'components.decoder: "int5" is not a precision. Did you mean',
  },
  { what: { components: { decoder: 4 } }, says: 'components.decoder must be text; found 4.' },
  { what: { components: 'int4' }, says: 'components must be a table of keys; found "int4".' },
  {
    what: { layers: { 'decoder.layers.0.*': null } },
    says: 'layers["decoder.layers.0.*"] must be text; found null.',
  },
  { what: { protect: 'no' }, says: 'protect must be true or false; found "no".' },
  { what: { seed: 1.5 }, says: 'seed must be a whole number; found 1.5.' },
  { what: { seed: -1 }, says: 'seed must be at least 0; found -1.' },
  {
    what: { calibration: { samples: 0 } },
    says: 'calibration.samples must be at least 1; found 0.',
  },
  {
    what: { calibration: { sample: 10 } },
    says: 'calibration.sample is not a setting. Did you mean "samples"? Allowed here: data, samples, sampling.',
  },
  {
    what: { evaluation: { data: 'val.json' } },
    says: 'evaluation must be a list; found an object.',
  },
  { what: { evaluation: [{ limit: 3 }] }, says: 'evaluation[0].data is missing.' },
  { what: { evaluation: [{ data: '' }] }, says: 'evaluation[0].data must not be empty.' },
  {
    what: { evaluation: [{ data: 'a' }, { data: 'b', maxDrop: 3 }] },
    says: 'evaluation[1].maxDrop must be at most 1; found 3.',
  },
  {
    what: { evaluation: [{ data: 'a', maxdrop: 0.1 }] },
    says: 'evaluation[0].maxdrop is not a setting. Did you mean "maxDrop"? Allowed here: data, limit, maxDrop, minRetained.',
  },
  {
    what: { budget: { size: '12 parsecs' } },
    says: 'budget.size: "12 parsecs" is not a size. Give bytes, or a number with kB',
  },
  { what: { budget: { size: true } }, says: 'budget.size must be bytes, or a number with kB' },
  { what: { budget: { size: -5 } }, says: 'budget.size must be above 0; found -5.' },
  { what: { seed: Number.NaN }, says: 'seed must be a number; found NaN.' },
  { what: { seed: Number.POSITIVE_INFINITY }, says: 'seed must be a number; found Infinity.' },
  { what: { seed: 1e300 }, says: 'seed must be' },
  { what: [], says: 'the file must be a table of keys; found a list of 0.' },
  { what: null, says: 'the file must be a table of keys; found null.' },
  { what: 'balanced', says: 'the file must be a table of keys; found "balanced".' },
  { what: JSON.parse('{"__proto__": {"seed": 1}}'), says: '__proto__ is not a setting.' },
  {
    what: JSON.parse('{"components": {"__proto__": "int4"}}'),
    says: 'components.__proto__ is not a name.',
  },
])('$what: $says', ({ what, says }) => {
  expect(() => parseConfig(what, 'c.yaml')).toThrow(
    expect.objectContaining({
      code: 'invalid-config',
      message: expect.stringMatching(new RegExp(`^c\\.yaml: ${escaped(says)}`, 'u')),
    }),
  )
})

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/gu, '\\$&')
}

test('a target that is planned answers unsupported-target and what works today', () => {
  expect(() => parseConfig({ target: 'litert' }, 'c')).toThrow(
    expect.objectContaining({
      code: 'unsupported-target',
      message:
        'The target "litert" cannot be written yet. Use one of transformers-js, onnx, coreml-ios16, coreml-ios17, coreml-ios18.',
    }),
  )
})

test('several problems are told at once, the first five in words', () => {
  const seven = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`c${i}`, `int${i + 10}`]))
  expect(() => parseConfig({ components: seven }, 'c')).toThrow(
    /components\.c0: .*components\.c4: .* And 2 more\.$/u,
  )
})

test('any value gives settings or a coded error', () => {
  const key = fc.constantFrom(
    'model',
    'target',
    'preset',
    'components',
    'layers',
    'evaluation',
    'budget',
    'calibration',
    '__proto__',
    'constructor',
  )
  const value = fc.dictionary(fc.oneof(key, fc.string()), fc.jsonValue())
  fc.assert(
    fc.property(fc.oneof(value, fc.jsonValue(), fc.anything()), (config) => {
      expect(['read', 'invalid-config', 'unsupported-target']).toContain(outcome(config))
    }),
    { numRuns: 500 },
  )
})

function outcome(config: unknown): string {
  try {
    parseConfig(config, 'c')
    return 'read'
  } catch (error) {
    if (!(error instanceof MixbitError)) throw error
    return error.code
  }
}
