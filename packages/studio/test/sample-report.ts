import { createHash } from 'node:crypto'
import type {
  ComponentSize,
  Gate,
  Report,
  ReportEvaluation,
  ReportLayer,
} from '../../core/src/report/report-types.ts'
import { elementsOf } from '../src/layer-rows.ts'
import { sampleEvaluation } from './sample-evaluation.ts'
import { sampleLayers } from './sample-layers.ts'

/** A graph file holds more than its weights. */
const GRAPH_BYTES = 9_000

const PRECISIONS: Readonly<Record<string, string>> = {
  vision_encoder: 'int4/32',
  text_encoder: 'int8',
  fusion_layers: 'fp16',
  decoder: 'int4/32',
}

/**
 * A report with the shape of a real one, for working on the page and for its tests. Its accuracies
 * are made up from a seed and say nothing about any model.
 */
export function sampleReport(): Report {
  const layers = sampleLayers()
  const components = componentsOf(layers)
  const val = sampleEvaluation('val', 7, { before: 0.008, after: 0.01 })
  const lowlight = sampleEvaluation('val-lowlight', 8, { before: 0.03, after: 0.03 })
  const before = sum(components.map((part) => part.before))
  const after = sum(components.map((part) => part.after))
  const gates = [...gatesOf(val), ...gatesOf(lowlight), sizeGate(after)]
  return {
    schema: 'mixbit/report@1',
    title: 'FastVLM-nano, sample data',
    passed: gates.every((gate) => gate.status === 'passed'),
    before: { bytes: before, value: val.before.value },
    after: { bytes: after, value: val.after.value },
    gates,
    components,
    layers,
    evaluations: [val, lowlight],
    findings: FINDINGS,
    files: components.flatMap(filesOf),
    steps: STEPS,
    provenance: PROVENANCE,
    config: CONFIG,
  }
}

function componentsOf(layers: readonly ReportLayer[]): readonly ComponentSize[] {
  return Object.entries(PRECISIONS).map(([component, precision]) => {
    const own = layers.filter((layer) => layer.component === component)
    return {
      component,
      precision,
      parameters: sum(own.map(elementsOf)),
      before: sum(own.map((layer) => layer.before)),
      after: sum(own.map((layer) => layer.after)) + GRAPH_BYTES,
    }
  })
}

function gatesOf({ name, before, after }: ReportEvaluation): readonly Gate[] {
  const drop = before.value - after.value
  const kept = after.value / before.value
  return [
    {
      name: `max-drop:${name}`,
      status: drop <= 0.03 ? 'passed' : 'failed',
      limit: 0.03,
      measured: drop,
      text: `${name} loses ${(drop * 100).toFixed(1)} points of accuracy; 3.0 are allowed.`,
    },
    {
      name: `min-retained:${name}`,
      status: kept >= 0.95 ? 'passed' : 'failed',
      limit: 0.95,
      measured: kept,
      text: `${name} keeps ${(kept * 100).toFixed(1)} % of the accuracy; 95.0 % are asked.`,
    },
  ]
}

function sizeGate(bytes: number): Gate {
  const megabytes = (bytes / 1e6).toFixed(2)
  return {
    name: 'size',
    status: bytes <= 3.2e6 ? 'passed' : 'failed',
    limit: 3.2e6,
    measured: bytes,
    text: `The model files take ${megabytes} MB; 3.20 MB are allowed.`,
  }
}

function filesOf(part: ComponentSize): Report['files'] {
  const path = `onnx/${part.component}${SUFFIXES[part.precision] ?? ''}.onnx`
  return [
    { path, bytes: GRAPH_BYTES, sha256: sha256(path) },
    { path: `${path}_data`, bytes: part.after - GRAPH_BYTES, sha256: sha256(`${path}_data`) },
  ]
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

const FINDINGS: Report['findings'] = [
  {
    code: 'numerics-fp32',
    severity: 'info',
    message:
      'Both models ran in fp32 on this machine; the device computes in fp16 and may differ in the last digits.',
  },
  {
    code: 'outlier-channel',
    severity: 'warning',
    message:
      'One output channel is 14 times as wide as the median channel. A scale per block keeps its neighbours exact; a scale per tensor would not.',
    subject: 'decoder.layers.0.mlp.down_proj.weight',
  },
  {
    code: 'tied-table',
    severity: 'info',
    message:
      'The token embedding is also the output head. It is stored once and shared by both files; --self-contained would cost another 99 kB.',
    subject: 'text_encoder.embed_tokens.weight',
  },
]

const STEPS: Report['steps'] = [
  { name: 'read', seconds: 0.2, note: 'fastvlm checkpoint, 1 file' },
  { name: 'audit', seconds: 0.6, note: '4 components' },
  { name: 'calibrate', seconds: 18.2, note: '200 pictures, 200 questions' },
  { name: 'plan', seconds: 0.1, note: 'preset balanced, default protection' },
  { name: 'quantize', seconds: 1.9, note: '2 workers' },
  { name: 'evaluate', seconds: 96.3, note: '2,000 questions of val, 600 of val-lowlight, twice' },
  { name: 'search', seconds: null, note: 'every gate passed at the first try' },
  { name: 'verify', seconds: 2.4, note: 'every file read back and decoded' },
]

const PROVENANCE: Report['provenance'] = [
  { name: 'Mixbit', value: '0.1.0' },
  { name: 'Node', value: '22.21.0, linux x64' },
  { name: 'ONNX Runtime', value: '1.30.0, faithful numerics' },
  { name: 'Machine', value: '2 cores, AVX2' },
  { name: 'Seed', value: '0' },
  { name: 'Model SHA-256', value: sha256('model') },
  { name: 'Calibration statistics SHA-256', value: sha256('statistics') },
]

const CONFIG: Report['config'] = {
  model: 'fixtures/fastvlm-nano',
  target: 'transformers-js',
  preset: 'balanced',
  components: PRECISIONS,
  calibration: { data: 'calibration.json', samples: 1000 },
  evaluation: [
    { data: 'val.json', limit: 2000, maxDrop: 0.03, minRetained: 0.95 },
    { data: 'val-lowlight.json', limit: 2000, maxDrop: 0.03, minRetained: 0.95 },
  ],
  budget: { size: '3.2MB' },
}

/** What transformers.js calls its variants. */
const SUFFIXES: Readonly<Record<string, string>> = {
  'int4/32': '_q4',
  int8: '_quantized',
  fp16: '_fp16',
}
