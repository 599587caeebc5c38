import { expect, test } from 'vitest'
import { parseTarget } from './target.ts'

test.for(['transformers-js', 'onnx', 'coreml-ios16', 'coreml-ios17', 'coreml-ios18'] as const)(
  'the target %s is read',
  (target) => {
    expect(parseTarget(target)).toBe(target)
  },
)

const USE = 'Use one of transformers-js, onnx, coreml-ios16, coreml-ios17, coreml-ios18.'

test.for([
  ['litert', `The target "litert" cannot be written yet. ${USE}`],
  ['transformer-js', `"transformer-js" is not a target. Did you mean "transformers-js"? ${USE}`],
  ['ios18', `"ios18" is not a target. Did you mean "coreml-ios18"? ${USE}`],
  ['iOS 18', `"iOS 18" is not a target. Did you mean "coreml-ios18"? ${USE}`],
  ['coreml', `"coreml" is not a target. ${USE}`],
  ['', `"" is not a target. ${USE}`],
] as const)('"%s" is refused, naming what works today', ([text, message]) => {
  expect(() => parseTarget(text)).toThrow(
    expect.objectContaining({ code: 'unsupported-target', message }),
  )
})
