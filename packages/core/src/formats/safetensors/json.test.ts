import { expect, test } from 'vitest'

import { parseJson } from './json.ts'

const parse = (text: string): unknown => parseJson('test.json', new TextEncoder().encode(text))

test.for([
  { name: 'a list', text: '[1]' },
  { name: 'null', text: 'null' },
  { name: 'a cut object', text: '{"a": 1' },
  { name: 'a key twice', text: '{"a": {"a": 1}, "b": "a:b", "b": 2}' },
  { name: 'a byte order mark', text: '\ufeff{}' },
])('$name is malformed', ({ text }) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'malformed' }))
})

test('keys are counted outside of strings and of inner objects only', () => {
  expect(parse('{"a\\":{": {"x": 1, "y": [{"z": 2}]}, "b": "c: \\"{"}')).toEqual({
    'a":{': { x: 1, y: [{ z: 2 }] },
    b: 'c: "{',
  })
})
