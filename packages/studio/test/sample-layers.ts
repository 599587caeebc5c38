import type { ReportLayer } from '../../core/src/report/report-types.ts'
import { seededRandom } from './seeded-random.ts'

type Precision = 'int4/32' | 'int8' | 'fp16'

/** What a sample layer is, before any value is drawn. */
type LayerPlan = {
  readonly name: string
  readonly component: string
  readonly role: string
  readonly shape: readonly number[]
  readonly precision: Precision
  readonly reasons: readonly string[]
}

/** Enough values to draw a histogram and to measure an error, few enough to be quick. */
const DRAWN = 4096

const BINS = 64

const BLOCK = 32

/** The layers of a FastVLM of pocket size, with values drawn and really rounded. */
export function sampleLayers(): readonly ReportLayer[] {
  return [...visionPlans(), ...textPlans(), ...projectorPlans(), ...decoderPlans()].map(
    (plan, index) => measure(plan, index + 1),
  )
}

function visionPlans(): readonly LayerPlan[] {
  const dims = [32, 64, 128, 256]
  const depths = [1, 2, 4, 2]
  const stem = ['stem: one step more precise than int4']
  const plans: LayerPlan[] = [
    vision('patch_embed.0.reparam_conv.weight', 'conv', [32, 3, 3, 3], 'fp16', [
      'fewer than 2,048 values: stays float',
    ]),
    vision('patch_embed.1.reparam_conv.weight', 'depthwise-conv', [32, 1, 3, 3], 'fp16', [
      'fewer than 2,048 values: stays float',
    ]),
    vision('patch_embed.2.reparam_conv.weight', 'conv', [32, 32, 1, 1], 'fp16', [
      'fewer than 2,048 values: stays float',
    ]),
    vision('network.1.proj.1.reparam_conv.weight', 'conv', [64, 64, 1, 1], 'int8', stem),
  ]
  for (const [stage, depth] of depths.entries()) {
    for (let block = 0; block < depth; block++) {
      plans.push(...visionBlock([0, 2, 4, 7][stage] ?? 0, block, dims[stage] ?? 32))
    }
  }
  plans.push(
    vision('conv_exp.reparam_conv.weight', 'depthwise-conv', [512, 1, 3, 3], 'int8', [
      'depthwise: int8 per channel below 8 bits',
    ]),
    vision('conv_exp.se.reduce.weight', 'conv', [32, 512, 1, 1], 'int4/32', []),
    vision('conv_exp.se.expand.weight', 'conv', [512, 32, 1, 1], 'int8', [
      'last weighted operator before an output: one step more precise',
    ]),
  )
  return plans
}

function visionBlock(stage: number, block: number, width: number): readonly LayerPlan[] {
  const at = `network.${stage}.${block}`
  const depthwise = ['component vision_encoder = int4', 'depthwise: int8 per channel below 8 bits']
  const planned = ['component vision_encoder = int4']
  const plans = [
    vision(
      `${at}.token_mixer.reparam_conv.weight`,
      'depthwise-conv',
      [width, 1, 3, 3],
      'int8',
      depthwise,
    ),
    vision(`${at}.convffn.conv.conv.weight`, 'depthwise-conv', [width, 1, 7, 7], 'int8', depthwise),
    vision(`${at}.convffn.fc1.weight`, 'conv', [width * 4, width, 1, 1], 'int4/32', planned),
    vision(`${at}.convffn.fc2.weight`, 'conv', [width, width * 4, 1, 1], 'int4/32', planned),
    vision(`${at}.convffn.fc1.bias`, 'vector', [width * 4], 'fp16', ['rank 1: stays float']),
    vision(`${at}.convffn.fc2.bias`, 'vector', [width], 'fp16', ['rank 1: stays float']),
  ]
  if (stage !== 7) return plans
  return [
    ...plans,
    vision(`${at}.token_mixer.qkv.weight`, 'linear', [width * 3, width], 'int4/32', planned),
    vision(`${at}.token_mixer.proj.weight`, 'linear', [width, width], 'int4/32', planned),
  ]
}

function vision(
  name: string,
  role: string,
  shape: readonly number[],
  precision: Precision,
  reasons: readonly string[],
): LayerPlan {
  const component = 'vision_encoder'
  return { name: `${component}.${name}`, component, role, shape, precision, reasons }
}

function textPlans(): readonly LayerPlan[] {
  const component = 'text_encoder'
  return [
    {
      name: `${component}.embed_tokens.weight`,
      component,
      role: 'tied-embedding',
      shape: [512, 192],
      precision: 'int8',
      reasons: ['component text_encoder = int8', 'also the output head: stored once'],
    },
  ]
}

function projectorPlans(): readonly LayerPlan[] {
  const component = 'fusion_layers'
  const plan = { component, precision: 'fp16' } as const
  const reasons = ['component fusion_layers = fp16']
  return [
    { ...plan, name: `${component}.0.weight`, role: 'linear', shape: [192, 512], reasons },
    { ...plan, name: `${component}.0.bias`, role: 'vector', shape: [192], reasons },
    { ...plan, name: `${component}.2.weight`, role: 'linear', shape: [192, 192], reasons },
    { ...plan, name: `${component}.2.bias`, role: 'vector', shape: [192], reasons },
  ]
}

function decoderPlans(): readonly LayerPlan[] {
  const shapes: Readonly<Record<string, readonly number[]>> = {
    'self_attn.q_proj': [192, 192],
    'self_attn.k_proj': [64, 192],
    'self_attn.v_proj': [64, 192],
    'self_attn.o_proj': [192, 192],
    'mlp.gate_proj': [576, 192],
    'mlp.up_proj': [576, 192],
    'mlp.down_proj': [192, 576],
  }
  const component = 'decoder'
  const vector = { component, role: 'vector', shape: [192], precision: 'fp16' } as const
  return [0, 1, 2, 3].flatMap((block): readonly LayerPlan[] => {
    const at = `${component}.layers.${block}`
    return [
      { ...vector, name: `${at}.input_layernorm.weight`, reasons: ['rank 1: stays float'] },
      ...Object.entries(shapes).map(([name, shape]) => ({
        name: `${at}.${name}.weight`,
        component,
        role: 'linear',
        shape,
        precision: 'int4/32' as const,
        reasons: ['component decoder = int4', 'clip that minimises the weighted squared error'],
      })),
      {
        ...vector,
        name: `${at}.post_attention_layernorm.weight`,
        reasons: ['rank 1: stays float'],
      },
    ]
  })
}

const FORMS: Readonly<Record<string, string>> = {
  conv: 'DequantizeLinear',
  'depthwise-conv': 'DequantizeLinear',
  linear: 'MatMulNBits',
  'tied-embedding': 'GatherBlockQuantized',
}

function measure(plan: LayerPlan, seed: number): ReportLayer {
  const elements = plan.shape.reduce((product, dimension) => product * dimension, 1)
  const values = drawValues(Math.min(elements, DRAWN), seed)
  const isFloat = plan.precision === 'fp16'
  const restored = isFloat ? values : roundInBlocks(values, plan.precision === 'int8' ? 127 : 7)
  const errors = values.map((value, i) => value - (restored[i] ?? value))
  const noise = sumOfSquares(errors)
  return {
    layer: plan.name,
    component: plan.component,
    role: plan.role,
    shape: plan.shape,
    precision: plan.precision,
    form: isFloat ? 'initializer' : (FORMS[plan.role] ?? 'DequantizeLinear'),
    algorithm: plan.precision === 'int4/32' ? 'mse' : 'round',
    before: elements * 2,
    after: storedBytes(plan.precision, elements, plan.shape[0] ?? 1),
    sqnrDb: noise === 0 ? null : 10 * Math.log10(sumOfSquares(values) / noise),
    mse: noise / values.length,
    maxAbsError: Math.max(...errors.map(Math.abs)),
    reasons: plan.reasons,
    histogram: histogramOf(values),
  }
}

function storedBytes(precision: Precision, elements: number, channels: number): number {
  if (precision === 'fp16') return elements * 2
  if (precision === 'int8') return elements + channels * 2
  return elements / 2 + (elements / BLOCK) * 2
}

/** Normal values with a width of their own and a few outliers, rounded to fp16's neighbourhood. */
function drawValues(count: number, seed: number): readonly number[] {
  const random = seededRandom(seed)
  const width = 0.02 + 0.08 * random()
  return Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    return Math.fround(width * normal * (random() < 0.01 ? 2.5 : 1))
  })
}

/** Symmetric rounding with one scale for 32 values; 7 levels a side for int4, 127 for int8. */
function roundInBlocks(values: readonly number[], levels: number): readonly number[] {
  return values.map((value, i) => {
    const start = i - (i % BLOCK)
    const largest = Math.max(...values.slice(start, start + BLOCK).map(Math.abs))
    const scale = largest / levels || 1
    return Math.round(value / scale) * scale
  })
}

function sumOfSquares(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value * value, 0)
}

function histogramOf(values: readonly number[]): ReportLayer['histogram'] {
  const min = Math.min(...values)
  const max = Math.max(...values)
  const counts = Array.from({ length: BINS }, () => 0)
  for (const value of values) {
    const bin = Math.min(BINS - 1, Math.floor(((value - min) / (max - min)) * BINS))
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return { min, max, counts }
}
