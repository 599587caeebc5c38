import fc from 'fast-check'
import { expect, test } from 'vitest'
import { colourPaint, paintFor, plainPaint } from './style.ts'
import { formatTable } from './table.ts'
import type { Column } from './table.ts'
import { textWidth } from './text.ts'

const columns: readonly Column[] = [
  { title: 'layer', align: 'left' },
  { title: 'bytes', align: 'right' },
]
const rows = [
  ['decoder.layers.0.mlp.up_proj.weight', '1.42 MB'],
  ['stem', '512 B'],
]

test('numbers are aligned at the right', () => {
  expect(formatTable(columns, rows, { width: 80, paint: plainPaint })).toEqual([
    'layer                                  bytes',
    'decoder.layers.0.mlp.up_proj.weight  1.42 MB',
    'stem                                   512 B',
  ])
})

test('on a narrow terminal long names give way and numbers stay whole', () => {
  expect(formatTable(columns, rows, { width: 24, paint: plainPaint })).toEqual(
    ['layer              bytes', 'decoder…weight   1.42 MB', 'stem               512 B'].map(
      (line) => line.replace('weight   ', '.weight  '),
    ),
  )
})

const precisions: readonly Column[] = [
  { title: 'precision', align: 'left', isWhole: true },
  { title: 'stored as', align: 'left' },
  { title: 'size', align: 'right' },
  { title: 'error', align: 'right', isSpare: true },
]
const stored = [
  ['int4/channel', 'blockwise_shift_scale', '9.34 kB', '1.2e-3'],
  ['int8/channel', 'blockwise_shift_scale', '1.73 kB', '4.5e-6'],
]

test('what is spare is left out before anything is cut, and names of precisions never are', () => {
  expect(formatTable(precisions, stored, { width: 46, paint: plainPaint })).toEqual([
    'precision     stored as                 size',
    'int4/channel  blockwise_shift_scale  9.34 kB',
    'int8/channel  blockwise_shift_scale  1.73 kB',
  ])
  expect(formatTable(precisions, stored, { width: 32, paint: plainPaint })).toEqual([
    'precision     stored as     size',
    'int4/channel  bloc…cale  9.34 kB',
    'int8/channel  bloc…cale  1.73 kB',
  ])
})

test('a table for a file is whole, however narrow the text around it', () => {
  const [, row] = formatTable(precisions, stored, {
    width: 20,
    paint: plainPaint,
    tables: 'whole',
  })
  expect(row).toBe('int4/channel  blockwise_shift_scale  9.34 kB  1.2e-3')
})

test('colours take no columns', () => {
  const [, row] = formatTable(columns, [['a', { text: '1 B', tone: 'good' }]], {
    width: 80,
    paint: colourPaint,
  })
  expect(row).toBe('a        \u001B[32m1 B\u001B[39m')
})

test('names cannot send escape codes to the terminal', () => {
  const [, row] = formatTable(columns, [['a\u001B[2J', '1 B']], { width: 80, paint: plainPaint })
  expect(row).toBe('a\\u001b[2J    1 B')
})

test('a table with short numbers is never wider than the terminal', () => {
  const names = fc.array(fc.string({ unit: 'grapheme-ascii' }), { maxLength: 5 })
  fc.assert(
    fc.property(names, fc.integer({ min: 20, max: 60 }), (names, width) => {
      const lines = formatTable(
        columns,
        names.map((name) => [name, '12 B']),
        { width, paint: plainPaint },
      )
      for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(width)
    }),
  )
})

test.for([
  { isTTY: true, env: {}, colours: true },
  { isTTY: true, env: { NO_COLOR: '1' }, colours: false },
  { isTTY: true, env: { NO_COLOR: '' }, colours: true },
  { isTTY: true, env: { TERM: 'dumb' }, colours: false },
  { isTTY: false, env: {}, colours: false },
])('colours on a terminal %j', ({ isTTY, env, colours }) => {
  expect(paintFor({ isTTY }, env)('good', 'x') !== 'x').toBe(colours)
})
