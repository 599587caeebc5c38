import fc from 'fast-check'
import { expect, test } from 'vitest'

import { checkPatterns } from './check-patterns.ts'
import { checkComponents, layerPrecision, matchesPattern, splitAssignment } from './patterns.ts'

// By hand from the definition: `*` stands for any letters, dots included.
test.for([
  ['decoder.layers.0.mlp', 'decoder.layers.0.mlp', true],
  ['decoder.layers.0', 'decoder.layers.0.mlp', false],
  ['decoder.*', 'decoder.layers.0.mlp', true],
  ['*.mlp', 'decoder.layers.0.mlp', true],
  ['decoder.*.mlp', 'decoder.layers.0.mlp', true],
  ['decoder.*.mlp', 'decoder.mlp', false],
  ['*', '', true],
  ['*', 'anything.at.all', true],
  ['**', 'x', true],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['a*b*c', 'a.c.b.c', true],
  ['a*b*c', 'a.c.b', false],
  ['*ab*ab*', 'xabx', false],
  ['*ab*ab*', 'abab', true],
  ['a.b', 'axb', false],
  ['a+', 'aa', false],
  ['', '', true],
  ['', 'a', false],
] as const)('"%s" on "%s" is %s', ([pattern, name, matches]) => {
  expect(matchesPattern(pattern, name)).toBe(matches)
})

test('a pattern matches as the regular expression it stands for', () => {
  const letters = fc.constantFrom('a', 'b', '.')
  const name = fc.array(letters, { maxLength: 8 }).map((all) => all.join(''))
  const pattern = fc
    .array(fc.oneof(letters, fc.constant('*')), { maxLength: 6 })
    .map((all) => all.join(''))
  fc.assert(
    fc.property(pattern, name, (pattern, name) => {
      const reference = pattern.replaceAll('.', '\\.').replaceAll('*', '.*')
      expect(matchesPattern(pattern, name)).toBe(new RegExp(`^${reference}$`, 'su').test(name))
    }),
    { numRuns: 1000 },
  )
})

test('a pattern of ten thousand stars answers at once', () => {
  expect(matchesPattern('*a'.repeat(10_000) + 'b', 'a'.repeat(20_000))).toBe(false)
})

test('the last rule that matches a layer wins', () => {
  const rules = [
    { pattern: 'decoder.*', precision: 'int4' },
    { pattern: '*.norm', precision: 'fp16' },
    { pattern: 'decoder.layers.0.*', precision: 'int8' },
  ]
  expect(layerPrecision(rules, 'decoder.layers.0.norm')).toBe('int8')
  expect(layerPrecision(rules, 'decoder.layers.1.norm')).toBe('fp16')
  expect(layerPrecision(rules, 'decoder.layers.1.mlp')).toBe('int4')
  expect(layerPrecision(rules, 'vision_encoder.stem')).toBeUndefined()
})

test('a pattern without a match is an error that lists near names', () => {
  const layers = ['decoder.layers.0.mlp', 'decoder.layers.1.mlp', 'vision_encoder.stem']
  const rules = [{ pattern: 'decoder.layer.1.mlp', precision: 'int4' }]
  expect(() => checkPatterns(rules, layers)).toThrow(
    expect.objectContaining({
      code: 'pattern-without-match',
      facts: {
        pattern: 'decoder.layer.1.mlp',
        near: ['decoder.layers.1.mlp', 'decoder.layers.0.mlp', 'vision_encoder.stem'],
      },
    }),
  )
  expect(() => checkPatterns([{ pattern: 'decoder.*', precision: 'int4' }], layers)).not.toThrow()
})

test('a component that the model does not have is an error that lists those it has', () => {
  expect(() => checkComponents({ decodr: 'int4' }, ['decoder', 'vision_encoder'])).toThrow(
    'The model has no component "decodr". It has "decoder", "vision_encoder".',
  )
  expect(() => checkComponents({ decoder: 'int4' }, ['decoder'])).not.toThrow()
})

test('an assignment is split at its last equals sign', () => {
  expect(splitAssignment('a=b.*=int4', '--layer')).toEqual({ name: 'a=b.*', value: 'int4' })
})

test.for(['', '=', 'a', 'a=', '=int4'])('"%s" is not an assignment', (text) => {
  expect(() => splitAssignment(text, '--layer')).toThrow(expect.objectContaining({ code: 'usage' }))
})
