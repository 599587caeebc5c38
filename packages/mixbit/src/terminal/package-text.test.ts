import type { PackageFeature, PackageInterface } from '@mixbit/core'
import { expect, test } from 'vitest'
import { packageLines } from './package-text.ts'
import { plainPaint } from './style.ts'

const layout = { width: 72, paint: plainPaint }

const array = (name: string, facts: Partial<PackageFeature> = {}): PackageFeature => ({
  name,
  kind: 'array',
  isOptional: false,
  dtype: 'float16',
  shape: [1, 3, 64, 64],
  ...facts,
})

const about: PackageInterface = {
  specificationVersion: 9,
  systems: 'iOS 18 or macOS 15',
  functions: [
    {
      name: 'main',
      isDefault: true,
      opset: 'CoreML8',
      inputs: [
        array('picture', { kind: 'image', dtype: null, shape: [48, 64], colours: 'RGB' }),
        array('x', { isOptional: true, shapes: [1, 2, 3, 4, 5, 6].map((size) => [size, 8]) }),
        array('length', {
          shape: [1, 64],
          ranges: [
            { least: 1, most: 1 },
            { least: 1, most: null },
          ],
        }),
      ],
      states: [array('cache', { kind: 'state', shape: [1, 8, null] })],
      outputs: [array('label', { kind: 'string', dtype: null, shape: null })],
    },
  ],
  metadata: {
    author: 'Jane\nDoe',
    shortDescription: 'word '.repeat(60).trim(),
    version: '1.2',
    license: null,
    userDefined: ['com.github.apple.coremltools.version', 'trained.on'],
  },
}

test('a package tells the systems it needs, what it takes and gives, and whose it is', () => {
  const short = { ...about.metadata, shortDescription: 'Finds edges.' }
  const lines = packageLines({ ...about, metadata: short }, 'components', layout)
  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "needs     iOS 18 or macOS 15, or later (specification version 9,
              operators CoreML8)
    input     picture  RGB image, 64 x 48 pixels
    input     x        float16 [1, 3, 64, 64] or [1, 8] or [2, 8] or [3, 8]
              or [4, 8] or 2 more, optional
    input     length   float16 [1, 64], sizes [1, 1 or more]
    state     cache    float16 [1, 8, ?]
    output    label    string
    about     Finds edges.
    author    Jane Doe
    version   1.2
    metadata  trained.on, 1 key of coremltools"
  `)
})

test('of many functions, inputs, shapes and keys a few are named, unless all are asked for', () => {
  const inputs = Array.from({ length: 50 }, (_, at) => array(`x${at}`))
  const [main] = about.functions
  if (main === undefined) throw new Error('one function')
  const functions = Array.from({ length: 9 }, (_, at) => ({ ...main, name: `f${at}`, inputs }))
  const userDefined = Array.from({ length: 99 }, (_, at) => `key.${at}`)
  const many = { ...about, functions, metadata: { ...about.metadata, userDefined } }
  const text = packageLines(many, 'components', layout).join('\n')
  expect(text).toContain('and 42 more inputs; --verbose lists all')
  expect(text).toContain('and 5 more functions; --verbose lists all')
  expect(text).toContain('key.3, 95 more')
  expect(text).toContain('word …')
  const whole = packageLines(many, 'layers', layout).join('\n')
  expect(whole).not.toContain('more')
  expect(whole.split('x49')).toHaveLength(10)
})

test('names of a package cannot send escape codes to the terminal', () => {
  const [main] = about.functions
  if (main === undefined) throw new Error('one function')
  const functions = [{ ...main, inputs: [array('x\u001B[2J')] }]
  expect(packageLines({ ...about, functions }, 'components', layout).join('\n')).not.toContain(
    '\u001B',
  )
})
