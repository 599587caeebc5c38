import { expect, test } from 'vitest'

import type { Manifest } from './manifest.ts'
import { readManifest } from './manifest.ts'

const MANIFEST: Manifest = {
  schema: 'mixbit/model@1',
  target: 'transformers-js',
  task: 'image-text-to-text',
  prompt: '<image>\n{question}',
  sessions: { vision_encoder: 'onnx/vision_encoder_q4.onnx' },
  components: {
    decoder: { files: ['onnx/a.onnx'], bytes: 10, parameters: 20, precision: 'int4/32' },
  },
  files: [{ path: 'onnx/a.onnx', bytes: 10, sha256: 'a'.repeat(64) }],
}

test('a manifest is read as it was written', () => {
  expect(readManifest(JSON.parse(JSON.stringify(MANIFEST)), 'mixbit.json')).toEqual(MANIFEST)
})

test.for([
  { what: 'no schema', change: { schema: undefined }, code: 'malformed' },
  { what: 'a newer schema', change: { schema: 'mixbit/model@2' }, code: 'unsupported-version' },
  { what: 'a session that is no path', change: { sessions: { a: 1 } }, code: 'malformed' },
  {
    what: 'negative bytes',
    change: { files: [{ path: 'a', bytes: -1, sha256: '' }] },
    code: 'malformed',
  },
  {
    what: 'a hash that is none',
    change: { files: [{ path: 'a', bytes: 1, sha256: 'x' }] },
    code: 'malformed',
  },
])('$what is $code', ({ change, code }) => {
  expect(() => readManifest({ ...MANIFEST, ...change }, 'mixbit.json')).toThrow(
    expect.objectContaining({ code }),
  )
})
