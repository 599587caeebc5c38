import type { Plan, Report, Statistics } from '@mixbit/core'
import type { Manifest } from '../../core/src/formats/transformers-js/manifest.ts'

/** A good plan, with every kind of scheme. */
const plan: Plan = {
  schema: 'mixbit/plan@1',
  model: 'fastvlm-nano',
  target: 'transformers-js',
  preset: 'balanced',
  protect: true,
  statistics: null,
  seed: 0,
  layers: [
    {
      layer: 'decoder.layers.0.mlp.up_proj.weight',
      component: 'decoder',
      role: 'linear',
      shape: [576, 192],
      scheme: {
        kind: 'affine',
        dtype: 'int4',
        symmetric: true,
        granularity: { kind: 'per-block', axis: 1, blockSize: 32 },
        scaleDtype: 'float16',
      },
      algorithm: 'mse',
      form: 'MatMulNBits',
      bytes: { codes: 55_296, scales: 6912, zeroPoints: 0 },
      reasons: ['int4 by component'],
    },
    {
      layer: 'vision_encoder.patch_embed.0.reparam_conv.weight',
      component: 'vision_encoder',
      role: 'conv',
      shape: [32, 3, 3, 3],
      scheme: {
        kind: 'affine',
        dtype: 'int8',
        symmetric: false,
        granularity: { kind: 'per-channel', axis: 0 },
        scaleDtype: 'float16',
      },
      algorithm: 'round',
      form: 'DequantizeLinear',
      bytes: { codes: 864, scales: 64, zeroPoints: 32 },
      reasons: ['int4 by component', 'one step up to int8/channel'],
    },
    {
      layer: 'decoder.norm.weight',
      component: 'decoder',
      role: 'vector',
      shape: [192],
      scheme: { kind: 'float', dtype: 'float16' },
      algorithm: 'round',
      form: 'initializer + Cast',
      bytes: { codes: 384, scales: 0, zeroPoints: 0 },
      reasons: ['a vector stays float'],
    },
  ],
  bytes: 63_552,
  findings: [{ code: 'table-shared', severity: 'info', message: 'Stored once.', subject: 'x' }],
}

const statistics: Statistics = {
  schema: 'mixbit/statistics@1',
  model: 'fastvlm-nano',
  data: 'calibration',
  samples: 40,
  layers: {
    'decoder.layers.0.mlp.up_proj.weight': { count: 400, meanSquare: [0.5, 1e-9, 12] },
    'fusion_layers.0.weight': { count: 40, meanSquare: [1, 2] },
  },
}

const manifest: Manifest = {
  schema: 'mixbit/model@1',
  target: 'transformers-js',
  task: 'image-text-to-text',
  prompt: '<image>\n{question}',
  sessions: { embed_tokens: 'onnx/a.onnx', vision_encoder: 'onnx/b.onnx' },
  components: {
    decoder: {
      files: ['onnx/b.onnx'],
      bytes: 973_696,
      parameters: 1_723_328,
      precision: 'int4/32',
    },
  },
  files: [{ path: 'onnx/b.onnx', bytes: 12, sha256: 'ab'.repeat(32) }],
}

const accuracy = { value: 0.99, low: 0.98, high: 0.995, samples: 2000 }

const evaluation: Report['evaluations'][number]['before'] = {
  schema: 'mixbit/evaluation@1',
  metric: 'vqa-accuracy',
  ...accuracy,
  seconds: 10,
  data: 'val',
  byQuestionType: { count: accuracy },
  byAnswerType: { number: accuracy },
  numerics: 'faithful',
  findings: [],
}

const report: Report = {
  schema: 'mixbit/report@1',
  title: 'fastvlm-nano: balanced for transformers-js',
  passed: true,
  before: { bytes: 8_764_784, value: 0.99 },
  after: { bytes: 2_907_215, value: null },
  gates: [{ name: 'max-drop', status: 'passed', limit: 0.03, measured: 0, text: 'It fell by 0.' }],
  components: [
    { component: 'decoder', precision: 'int4/32', parameters: 10, before: 20, after: 6 },
  ],
  layers: [
    {
      layer: 'decoder.norm.weight',
      component: 'decoder',
      role: 'vector',
      shape: [192],
      precision: 'fp16',
      form: 'initializer + Cast',
      algorithm: '',
      before: 384,
      after: 384,
      sqnrDb: null,
      mse: 0,
      maxAbsError: 0,
      reasons: ['a vector stays float'],
      histogram: { min: -1, max: 1, counts: [1, 2, 3] },
    },
  ],
  evaluations: [
    {
      name: 'val',
      before: evaluation,
      after: evaluation,
      worse: 1,
      better: 2,
      pValue: 0.5,
      changed: [
        {
          question: 'How many?',
          questionType: 'count',
          expected: 'one',
          before: 'one',
          after: 'two',
          scoreBefore: 1,
          scoreAfter: 0,
          picture: 'data:image/jpeg;base64,AAAA',
        },
      ],
    },
  ],
  findings: [],
  files: [{ path: 'onnx/b.onnx', bytes: 12, sha256: 'ab'.repeat(32) }],
  steps: [{ name: 'calibrate', seconds: null, note: 'skipped' }],
  provenance: [{ name: 'Seed', value: '0' }],
  config: { preset: 'balanced' },
}

const descriptor: Readonly<Record<string, unknown>> = {
  kind: 'vqav2',
  questions: 'questions.json',
  annotations: 'annotations.json',
  images: 'val/{image_id:06}.jpg',
  prompt: '<image>\n{question}',
  suffix: ' Answer:',
  maxNewTokens: 8,
  preprocess: { layout: 'NCHW', size: [224, 224], resize: 256, crop: 'center', colour: 'RGB' },
}

const config: Readonly<Record<string, unknown>> = {
  model: './FastVLM-0.5B',
  target: 'transformers-js',
  preset: 'balanced',
  components: { vision_encoder: 'int4', decoder: 'int4/64/asym' },
  layers: { 'decoder.layers.0.*': 'int8' },
  calibration: { data: 'calibration.json', samples: 1000 },
  evaluation: [{ data: 'val.json', limit: 1000, maxDrop: 0.03, minRetained: 0.95 }],
  budget: { size: '500MB' },
}

/** Good values of every JSON file that Mixbit reads. */
export const samples: Readonly<
  Record<'plan' | 'statistics' | 'manifest' | 'report' | 'descriptor' | 'config', unknown>
> = { plan, statistics, manifest, report, descriptor, config }
