import { expect, test } from 'vitest'

import { parsePrecision, schemeFor } from '../../scheme/precision.ts'
import { sessionFileName } from './config-files.ts'
import { dtypeName } from './sessions.ts'

const layer = (precision: string, role: 'linear' | 'vector' = 'linear') => ({
  role,
  scheme: schemeFor(parsePrecision(precision), { outputAxis: 0, inputAxis: 1 }),
})

test.for([
  {
    what: 'fp32 matrices',
    layers: [layer('fp32'), layer('fp16', 'vector')],
    name: 'fp32',
    file: '',
  },
  { what: 'fp16 matrices', layers: [layer('fp32'), layer('fp16')], name: 'fp16', file: '_fp16' },
  {
    what: 'an int8 matrix',
    layers: [layer('fp16'), layer('int8')],
    name: 'q8',
    file: '_quantized',
  },
  { what: 'an int4 matrix', layers: [layer('int8'), layer('int4')], name: 'q4', file: '_q4' },
  { what: 'only vectors', layers: [layer('fp16', 'vector')], name: 'fp16', file: '_fp16' },
  { what: 'no weight at all', layers: [], name: 'fp32', file: '' },
] as const)('a session with $what is $name', ({ layers, name, file }) => {
  expect(dtypeName(layers)).toBe(name)
  expect(sessionFileName('vision_encoder', name)).toBe(`vision_encoder${file}`)
})
