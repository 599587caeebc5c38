import { expect, test } from 'vitest'
import { parsePrecision } from './precision.ts'

test.for([
  ['float16', ['fp16']],
  ['FP16', ['fp16']],
  ['half', ['fp16']],
  ['INT8', ['int8']],
  ['uint8', ['int8']],
  ['int16', ['int8', 'fp16']],
  ['int5', ['int4', 'int8']],
  ['4bit', ['int4']],
  ['4-bit', ['int4']],
  ['q4', ['int4']],
  ['w4a16', ['int4']],
  ['int8/per-channel', ['int8/channel']],
  ['int8/per_tensor', ['int8/tensor']],
  ['int4/g32', ['int4/32']],
  ['int4-32', ['int4/32']],
  ['int4/block64/asymmetric', ['int4/64/asym']],
  ['palette 4', ['palette4']],
  ['Palette4', ['palette4']],
  ['palette4/16', ['palette4/g16']],
  ['palette4/channel', ['palette4/g1']],
  ['4-bit palette', ['palette4']],
  ['palette5', ['palette4', 'palette6']],
  ['sparse50', ['sparse50+fp16', 'sparse50+int8']],
  ['w8a8_dynamic', ['w8a8/dynamic']],
] as const)('"%s" was meant to be one of %s', ([text, near]) => {
  const names = near.map((name) => `"${name}"`).join(' or ')
  expect(() => parsePrecision(text)).toThrow(
    expect.objectContaining({
      code: 'invalid-precision',
      message: `"${text}" is not a precision. Did you mean ${names}? docs/precision.md has all forms.`,
      facts: expect.objectContaining({ near }),
    }),
  )
})

test.for(['', 'banana', 'palette4/int8/g16', '9'.repeat(1_000_000), '/', 'sparse+'])(
  'nothing is made up for others, and the answer is short',
  (text) => {
    expect(() => parsePrecision(text)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          /is not a precision\. Some that are: fp16, int8, .{1,120}$/u,
        ),
      }),
    )
  },
)
