import { expect, test } from 'vitest'
import { reasonLines } from './reason-text.ts'
import { plainPaint } from './style.ts'

const layout = { width: 80, paint: plainPaint }

/** One layer a reason, each asked for by precision. */
function planOf(reasons: readonly string[]): Parameters<typeof reasonLines>[0] {
  const layers = reasons.map((reason, at) => ({
    layer: `model.w${at}`,
    component: 'model',
    role: 'linear' as const,
    shape: [8, 8],
    scheme: { kind: 'float', dtype: 'float16' } as const,
    algorithm: 'round' as const,
    form: 'const',
    bytes: { codes: 128, scales: 0, zeroPoints: 0 },
    reasons: ['int4 by precision', reason],
  }))
  return { layers }
}

const misfit = (channels: number): string =>
  `blocks of 32 do not divide ${channels} input channels: int4/${channels / 2}`

test('reasons that differ in numbers only are one, and the most frequent kind is first', () => {
  const reasons = ['it is depthwise: int8/channel', misfit(48), misfit(36), misfit(48), misfit(40)]
  expect(reasonLines(planOf(reasons), 'kinds', layout)).toEqual([
    'weights  because',
    '      4  blocks of 32 do not divide 48, 36 or 40 input channels: int4/24,',
    '         int4/18 or int4/20',
    '      1  it is depthwise: int8/channel',
  ])
})

test('a net of thirty widths has one row, which names three of them', () => {
  const reasons = Array.from({ length: 30 }, (_, at) => misfit(34 + 2 * at))
  expect(reasonLines(planOf(reasons), 'kinds', layout)).toEqual([
    'weights  because',
    '     30  blocks of 32 do not divide 34, 36, 38, … input channels: int4/17,',
    '         int4/18, int4/19, …',
  ])
})

test('many kinds of reasons end in a count, and with all of them each has its row', () => {
  const reasons = Array.from({ length: 10 }, (_, at) => `${'much '.repeat(at)}is said`)
  const lines = reasonLines(planOf(reasons), 'kinds', layout)
  expect(lines).toHaveLength(9)
  expect(lines.at(-1)).toBe('      3  and 3 more reasons; --verbose lists all')
  expect(reasonLines(planOf(reasons), 'all', layout)).toHaveLength(11)
  expect(reasonLines(planOf([misfit(48), misfit(36)]), 'all', layout)).toHaveLength(3)
})

test('names in quotes are listed as numbers are', () => {
  const reasons = ['"a" reads it along axis 0', '"b c" reads it along axis 0']
  expect(reasonLines(planOf(reasons), 'kinds', layout).at(-1)).toBe(
    '      2  "a" or "b c" reads it along axis 0',
  )
})
