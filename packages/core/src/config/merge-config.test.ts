import { expect, test } from 'vitest'
import { parsePrecision } from '../scheme/precision.ts'
import { mergeConfig } from './merge-config.ts'
import { presets } from './presets.ts'

test('without any setting the reference mix and its gates hold', () => {
  expect(mergeConfig({}, {})).toMatchObject({
    model: null,
    target: 'transformers-js',
    preset: 'balanced',
    precision: null,
    components: {
      vision_encoder: 'int4',
      text_encoder: 'int8',
      fusion_layers: 'fp16',
      decoder: 'int4',
    },
    layers: [],
    algorithm: null,
    protect: true,
    seed: 0,
    numerics: 'faithful',
    calibration: { data: null, samples: 1000 },
    evaluation: [],
    budget: { size: null },
  })
})

test('the command line wins over the file, the file over the preset, the preset over the default', () => {
  const commandLine = {
    preset: 'quality_focused',
    components: { decoder: 'int8' },
    seed: 1,
  } as const
  const file = {
    preset: 'balanced',
    components: { decoder: 'int4/64', text_encoder: 'fp16' },
    seed: 2,
    protect: false,
  } as const
  const merged = mergeConfig(commandLine, file)
  expect(merged).toMatchObject({
    preset: 'quality_focused',
    components: {
      vision_encoder: 'int8',
      text_encoder: 'fp16',
      fusion_layers: 'fp16',
      decoder: 'int8',
    },
    seed: 1,
    protect: false,
    calibration: { samples: 2000 },
  })
  expect(merged.origins).toMatchObject({
    preset: 'command line',
    'components.decoder': 'command line',
    'components.text_encoder': 'config file',
    'components.vision_encoder': 'preset',
    seed: 'command line',
    protect: 'config file',
    'calibration.samples': 'preset',
    numerics: 'default',
  })
})

test('one precision for all weights replaces the components and layers of sources below it', () => {
  const file = { components: { decoder: 'int4' }, layers: [{ pattern: 'a', precision: 'int4' }] }
  const own = {
    components: { vision_encoder: 'fp16' },
    layers: [{ pattern: 'b', precision: 'fp16' }],
  }
  const merged = mergeConfig({ precision: 'int8', ...own }, file)
  expect(merged).toMatchObject({
    precision: 'int8',
    preset: null,
    components: { vision_encoder: 'fp16' },
    layers: own.layers,
  })
  expect(Object.keys(merged.components)).toEqual(['vision_encoder'])
  expect(
    mergeConfig({ components: { decoder: 'fp16' } }, { precision: 'int8', ...file }),
  ).toMatchObject({
    precision: 'int8',
    components: { decoder: 'fp16' },
    layers: file.layers,
  })
})

test('a preset that is named beside a precision still gives samples and the accepted loss', () => {
  const set = { evaluation: [{ data: 'val.json' }] }
  const merged = mergeConfig({ precision: 'int8', preset: 'ultra_fast' }, set)
  expect(merged).toMatchObject({
    preset: 'ultra_fast',
    components: {},
    calibration: { samples: 250 },
    evaluation: [{ maxDrop: 0.05 }],
  })
})

test('layer rules of the command line come last, so they win', () => {
  const inFile = { pattern: '*', precision: 'int4' }
  const inCommand = { pattern: 'decoder.*', precision: 'int8' }
  expect(mergeConfig({ layers: [inCommand] }, { layers: [inFile] }).layers).toEqual([
    inFile,
    inCommand,
  ])
})

test('each evaluation set keeps its own gates unless the command line sets one for all', () => {
  const file = {
    preset: 'quality_focused',
    evaluation: [
      { data: 'val.json', limit: 100, maxDrop: 0.02 },
      { data: 'dark.json', minRetained: 0.9 },
    ],
  } as const
  expect(mergeConfig({}, file).evaluation).toEqual([
    { data: 'val.json', limit: 100, maxDrop: 0.02, minRetained: 0.95 },
    { data: 'dark.json', limit: null, maxDrop: 0.01, minRetained: 0.9 },
  ])
  expect(mergeConfig({ limit: 7, maxDrop: 0 }, file).evaluation).toEqual([
    { data: 'val.json', limit: 7, maxDrop: 0, minRetained: 0.95 },
    { data: 'dark.json', limit: 7, maxDrop: 0, minRetained: 0.9 },
  ])
})

test('sets on the command line replace those of the file', () => {
  const merged = mergeConfig(
    { evaluation: [{ data: 'a.json' }] },
    { evaluation: [{ data: 'b.json' }] },
  )
  expect(merged.evaluation.map((set) => set.data)).toEqual(['a.json'])
  expect(merged.origins['evaluation']).toBe('command line')
})

test('every precision of every preset can be read', () => {
  for (const preset of Object.values(presets)) {
    for (const name of Object.values(preset.components)) {
      expect(() => parsePrecision(name)).not.toThrow()
    }
  }
})
