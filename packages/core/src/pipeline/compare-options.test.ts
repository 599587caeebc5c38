import { expect, test } from 'vitest'
import { MixbitError } from '../base/error.ts'
import type { ErrorCode } from '../base/error.ts'
import type { OptionsComparison } from '../compare/options-types.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import type { MeasuredOption, OptionsPlace } from './compare-options.ts'
import { measureOptions } from './compare-options.ts'

const quality = {
  metric: 'top1-accuracy',
  value: 0.9,
  low: 0.8,
  high: 0.95,
  sqnrDb: 30,
  top1Agreement: 0.99,
}

/** An option of so many bytes, whose graph takes so many seconds. */
const option = (bytes: number, seconds: number): MeasuredOption => ({
  quality,
  bytes,
  findings: [{ code: 'few-answers', severity: 'warning', message: 'Few answers.' }],
  run: () => Promise.resolve(seconds),
})

type Made = { readonly comparison: OptionsComparison; readonly configs: readonly ResolvedConfig[] }

/** `int4` fails with the code. */
async function compared(code: ErrorCode): Promise<Made> {
  const configs: ResolvedConfig[] = []
  let clock = 0
  const place: OptionsPlace = {
    withHost: () => Promise.reject(new TypeError('no host is needed')),
    context: {
      session: () => Promise.reject(new TypeError('no session')),
      decodeImage: () => Promise.reject(new TypeError('no picture')),
      tokenizer: () => Promise.reject(new TypeError('no tokenizer')),
    },
    scratch: 'scratch',
    now: () => (clock += 1),
    emit: () => undefined,
  }
  const request = {
    model: 'm.onnx',
    data: 'd.json',
    limit: null,
    calibration: { data: 'cal.json', samples: 7, sampling: 'diverse' },
    seed: 3,
    numerics: 'faithful',
  } as const
  const comparison = await measureOptions(place, request, {
    data: 'd',
    samples: 12,
    settings: {
      int8: { precision: 'int8' },
      int4: { precision: 'int4' },
      mixed: { preset: 'balanced' },
      dynamic: { notAvailable: 'there is no such thing' },
    },
    float: () => Promise.resolve(option(1000, 0.002)),
    quantized: (name, config) => {
      configs.push(config)
      if (name === 'int4') throw new MixbitError(code, 'int4 does not go.')
      return Promise.resolve(option(250, 0.001))
    },
  })
  return { comparison, configs }
}

test('every option has a row: measured, or with the reason why not', async () => {
  const { comparison } = await compared('unsupported-scheme')
  const measured = { ...quality, status: 'measured', reason: null }
  const nothing = {
    bytes: null,
    ratio: null,
    metric: null,
    value: null,
    low: null,
    high: null,
    sqnrDb: null,
    top1Agreement: null,
    milliseconds: null,
    status: 'not-available',
  }
  expect(comparison).toEqual({
    schema: 'mixbit/options@1',
    model: 'm.onnx',
    data: 'd',
    samples: 12,
    options: [
      { name: 'float', bytes: 1000, ratio: 1, milliseconds: 2, ...measured },
      { name: 'int8', bytes: 250, ratio: 0.25, milliseconds: 1, ...measured },
      { name: 'int4', ...nothing, reason: 'int4 does not go.' },
      { name: 'mixed', bytes: 250, ratio: 0.25, milliseconds: 1, ...measured },
      { name: 'dynamic', ...nothing, reason: 'there is no such thing' },
    ],
    findings: [{ code: 'few-answers', severity: 'warning', message: 'Few answers.' }],
  })
})

test('an error that is not about the option ends the comparison', async () => {
  await expect(compared('not-writable')).rejects.toMatchObject({ code: 'not-writable' })
})

test('options differ in nothing but their own settings', async () => {
  const { configs } = await compared('runtime-failed')
  expect(configs.map(({ precision, preset }) => [precision, preset])).toEqual([
    ['int8', null],
    ['int4', null],
    [null, 'balanced'],
  ])
  for (const { calibration, seed } of configs) {
    expect({ calibration, seed }).toEqual({
      calibration: { data: 'cal.json', samples: 7, sampling: 'diverse' },
      seed: 3,
    })
  }
})
