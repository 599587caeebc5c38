import { expect, test } from 'vitest'
import { parseTarget } from './target.ts'

test('the target that works is read', () => {
  expect(parseTarget('transformers-js')).toBe('transformers-js')
})

test.for([
  ['litert', 'The target "litert" cannot be written yet. Use "transformers-js".'],
  [
    'transformer-js',
    '"transformer-js" is not a target. Did you mean "transformers-js"? Use "transformers-js".',
  ],
  ['', '"" is not a target. Use "transformers-js".'],
] as const)('"%s" is refused, naming what works today', ([text, message]) => {
  expect(() => parseTarget(text)).toThrow(
    expect.objectContaining({ code: 'unsupported-target', message }),
  )
})
