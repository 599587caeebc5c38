import { expect, test } from 'vitest'
import {
  formatAccuracy,
  formatBytes,
  formatChange,
  formatCount,
  formatDecibels,
  formatError,
  formatInterval,
  formatPercent,
  formatPlural,
  formatPoints,
  formatPValue,
  formatSeconds,
  formatShape,
} from './format.ts'

/** Spaces of every width as plain spaces, to read the tables below. */
function plain(text: string): string {
  return text.replace(/[\u00a0\u202f]/g, ' ')
}

test.for([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.00 kB'],
  [16_384, '16.4 kB'],
  [999_600, '1.00 MB'],
  [8_764_213, '8.76 MB'],
  [412_000_000, '412 MB'],
  [1_240_000_000, '1.24 GB'],
  [Number.NaN, '–'],
] as const)('%d bytes are %s', ([bytes, text]) => {
  expect(plain(formatBytes(bytes))).toBe(text)
})

test.for([
  [16_384, '16,384'],
  [4_380_000, '4.38 million'],
  [620_400_000, '620 million'],
] as const)('the count %d is %s', ([count, text]) => {
  expect(plain(formatCount(count))).toBe(text)
})

test.for([
  [0.98865, '98.9 %'],
  [1, '100.0 %'],
  [-0.0001, '0.0 %'],
  [-0.25, '−25.0 %'],
  [null, '–'],
] as const)('the fraction %d is %s', ([fraction, text]) => {
  expect(plain(formatPercent(fraction))).toBe(text)
})

test.for([
  [0.9905, '99.05 %'],
  [1, '100.00 %'],
  [Number.NaN, '–'],
  [null, '–'],
] as const)('the accuracy %d is %s', ([fraction, text]) => {
  expect(plain(formatAccuracy(fraction))).toBe(text)
})

test.for([
  [0.9, '0.9'],
  [0.64321, '0.64'],
  [0.0312, '0.03'],
  [0.0012, '0.001'],
  [1.0000001, '1'],
] as const)('p-value %d is p = %s', ([p, text]) => {
  expect(plain(formatPValue(p))).toBe(`p = ${text}`)
})

test.for([
  [0.4, '0.4 s'],
  [59.4, '59 s'],
  [59.6, '1 min 0 s'],
  [185, '3 min 5 s'],
  [null, '–'],
] as const)('%d seconds are %s', ([seconds, text]) => {
  expect(plain(formatSeconds(seconds))).toBe(text)
})

test('changes carry their sign, and no change carries none', () => {
  expect(plain(formatChange(8_760_000, 3_040_000))).toBe('−65.3 %')
  expect(plain(formatChange(100, 150))).toBe('+50.0 %')
  expect(formatChange(0, 1)).toBe('–')
  expect(formatPoints(-0.0025)).toBe('−0.25')
  expect(formatPoints(0.012)).toBe('+1.20')
  expect(formatPoints(-0.00001)).toBe('0.00')
})

test('small things read well', () => {
  expect(plain(formatPValue(0.0004))).toBe('p < 0.001')
  expect(formatError(0)).toBe('0')
  expect(formatError(0.012345)).toBe('0.012')
  expect(formatError(0.00003149)).toBe('3.1e-5')
  expect(formatDecibels(null)).toBe('–')
  expect(formatDecibels(21.349)).toBe('21.3')
  expect(plain(formatInterval(0.9812, 0.9934))).toBe('98.1 to 99.3 %')
  expect(plain(formatShape([512, 32, 1, 1]))).toBe('512 × 32 × 1 × 1')
  expect(formatShape([])).toBe('scalar')
  expect(formatPlural(1, 'layer')).toBe('1 layer')
  expect(formatPlural(1_200, 'layer')).toBe('1,200 layers')
})
