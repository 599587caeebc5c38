import { expect, test } from 'vitest'
import { parseTarget } from './target.ts'

test.for(['transformers-js', 'onnx'] as const)('the target %s is read', (target) => {
  expect(parseTarget(target)).toBe(target)
})

test.for([
  ['litert', 'The target "litert" cannot be written yet. Use "transformers-js" or "onnx".'],
  [
    'transformer-js',
    '"transformer-js" is not a target. Did you mean "transformers-js"? Use "transformers-js" or "onnx".',
  ],
  ['', '"" is not a target. Use "transformers-js" or "onnx".'],
] as const)('"%s" is refused, naming what works today', ([text, message]) => {
  expect(() => parseTarget(text)).toThrow(
    expect.objectContaining({ code: 'unsupported-target', message }),
  )
})
