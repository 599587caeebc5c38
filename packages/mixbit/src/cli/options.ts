import type { OptionSpec } from './command.ts'

/** The name of the option for where to write. */
export function output(valueName: string, summary: string, defaultText?: string): OptionSpec {
  return {
    name: 'output',
    short: 'o',
    type: 'text',
    valueName,
    summary,
    ...(defaultText !== undefined && { defaultText }),
  }
}

export const preset: OptionSpec = {
  name: 'preset',
  type: 'text',
  valueName: 'name',
  choices: ['mobile_optimized', 'balanced', 'quality_focused', 'ultra_fast'],
  summary:
    'A starting point for a checkpoint: precisions, samples and the accepted loss. ONNX files and packages have none.',
  defaultText: 'balanced for a checkpoint, else int8 for every weight',
}

export const precision: OptionSpec = {
  name: 'precision',
  type: 'text',
  valueName: 'name',
  summary: 'Precision of all weights, such as int4 or int8/channel. Taken literally.',
}

export const component: OptionSpec = {
  name: 'component',
  type: 'text',
  valueName: 'name=precision',
  repeatable: true,
  summary: 'Precision of one component, such as vision_encoder=int4.',
}

export const layer: OptionSpec = {
  name: 'layer',
  type: 'text',
  valueName: 'pattern=precision',
  repeatable: true,
  summary: 'Precision of the layers that match; * crosses dots, the last match wins.',
}

export const noProtect: OptionSpec = {
  name: 'no-protect',
  type: 'flag',
  summary: 'Do not keep the stem, the last and small weights one step more precise.',
}

export const target: OptionSpec = {
  name: 'target',
  type: 'text',
  valueName: 'name',
  summary:
    'What is written: transformers-js, onnx, or the oldest system of a Core ML package, such as coreml-ios17.',
  defaultText: 'transformers-js for a checkpoint, else what the model is',
}

export const algorithm: OptionSpec = {
  name: 'algorithm',
  type: 'text',
  valueName: 'name',
  choices: ['round', 'mse', 'kmeans', 'uniform', 'unique'],
  summary:
    'How values are rounded (to nearest, or with the clip of least squared error), or how the tables of palettes are filled.',
  defaultText: 'mse for 4 bits and below, else round; kmeans',
}

export const computeUnit: OptionSpec = {
  name: 'compute-unit',
  type: 'text',
  valueName: 'unit',
  choices: ['ane', 'gpu', 'cpu'],
  summary:
    'What a Core ML package will run on: Neural Engine, GPU or CPU. Chooses forms and findings.',
}

export const calibration: OptionSpec = {
  name: 'calibration',
  type: 'text',
  valueName: 'data',
  summary:
    'Dataset descriptor, folder of pictures or .npy files, or a file that calibrate wrote. Not for Core ML packages.',
}

export const samples: OptionSpec = {
  name: 'samples',
  type: 'integer',
  valueName: 'count',
  min: 1,
  max: 1_000_000_000,
  summary: 'How many calibration samples.',
  defaultText: 'that of the preset, else 1000',
}

export const sampling: OptionSpec = {
  name: 'sampling',
  type: 'text',
  valueName: 'how',
  choices: ['spread', 'diverse'],
  summary:
    'Calibration samples spread evenly over file order, or a diverse choice by what the float model makes of them.',
  defaultText: 'spread',
}

export const runtime: OptionSpec = {
  name: 'runtime',
  type: 'text',
  valueName: 'name',
  choices: ['x86-vnni', 'x86-legacy', 'arm64'],
  summary: 'Processors whose integer kernels w8a8 of ONNX files is for.',
  defaultText: 'x86-vnni',
}

export const io: OptionSpec = {
  name: 'io',
  type: 'text',
  valueName: 'type',
  choices: ['float', 'int8'],
  summary: 'What inputs and outputs are with w8a8: float, or 8-bit integers with a stated scale.',
  defaultText: 'float',
}

export const calibrator: OptionSpec = {
  name: 'calibrator',
  type: 'text',
  valueName: 'rule',
  choices: ['auto', 'min-max', 'moving-average', 'percentile', 'entropy', 'mse'],
  summary:
    'How w8a8 of ONNX files finds the ranges of activations; auto takes the best rule for each.',
  defaultText: 'auto',
}

export const seed: OptionSpec = {
  name: 'seed',
  type: 'integer',
  valueName: 'number',
  min: 0,
  max: 2 ** 32 - 1,
  summary: 'Seed of every random choice.',
  defaultText: '0',
}

export const evaluation: OptionSpec = {
  name: 'eval',
  type: 'text',
  valueName: 'descriptor',
  repeatable: true,
  summary: 'Data set to measure accuracy on, before and after. Each has its own gates.',
}

export const data: OptionSpec = {
  name: 'data',
  type: 'text',
  valueName: 'descriptor',
  summary: 'Data set: a descriptor file, or a folder of pictures.',
}

export const labelledData: OptionSpec = {
  name: 'data',
  type: 'text',
  valueName: 'descriptor',
  summary: 'Data set of questions with answers: a descriptor file.',
}

export const limit: OptionSpec = {
  name: 'limit',
  type: 'integer',
  valueName: 'count',
  min: 1,
  max: 1_000_000_000,
  summary: 'Only so many samples: the first ones in file order.',
  defaultText: 'all',
}

export const maxDrop: OptionSpec = {
  name: 'max-drop',
  type: 'number',
  valueName: 'fraction',
  min: 0,
  max: 1,
  summary: 'Largest accepted loss of accuracy; 0.01 is one point.',
  defaultText: 'that of the preset, else 0.03',
}

export const budget: OptionSpec = {
  name: 'budget',
  type: 'text',
  valueName: 'size',
  summary: 'Gate on the size of the written model files: bytes, or as 412MB or 400MiB.',
}

export const plan: OptionSpec = {
  name: 'plan',
  type: 'text',
  valueName: 'file',
  summary: 'Use this plan instead of making one.',
}

export const numerics: OptionSpec = {
  name: 'numerics',
  type: 'text',
  valueName: 'mode',
  choices: ['faithful', 'device'],
  summary: 'Evaluate with the decoded weights, or as the runtime does on a device.',
  defaultText: 'faithful',
}

export const workers: OptionSpec = {
  name: 'workers',
  type: 'integer',
  valueName: 'count',
  min: 1,
  max: 256,
  summary: 'Threads. They change the time, never the result.',
  defaultText: 'one a processor core',
}

export const force: OptionSpec = {
  name: 'force',
  type: 'flag',
  summary:
    'Replace an output that is there: a file, a package, or a folder that Mixbit did not make.',
}

export const selfContained: OptionSpec = {
  name: 'self-contained',
  type: 'flag',
  summary:
    'Write a shared table into each ONNX graph of a folder that uses it: browsers load only own data.',
}

export const layers: OptionSpec = {
  name: 'layers',
  type: 'flag',
  summary: 'Also compare what is inside, layer by layer (ONNX files only).',
}

export const compareOptions: OptionSpec = {
  name: 'options',
  type: 'flag',
  summary: 'Try int8, int4, mixed and dynamic instead, and compare size, quality and speed.',
}

export const dtype: OptionSpec = {
  name: 'dtype',
  type: 'text',
  valueName: 'name',
  summary: 'Which variant of an onnx/ folder that holds several, such as q4 or fp16.',
}

export const decompress: OptionSpec = {
  name: 'decompress',
  type: 'flag',
  summary: 'Store every compressed weight as plain floats, halves behind a cast as float32.',
}
