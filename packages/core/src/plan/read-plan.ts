import * as z from 'zod'

import { ensure } from '../base/error.ts'
import { parseWith } from '../base/parse-with.ts'
import { bytesByPart, formFor } from '../formats/onnx/forms.ts'
import type { Plan } from './plan-types.ts'

const count = z.number().int().nonnegative()

const granularity = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('per-tensor') }),
  z.strictObject({ kind: z.literal('per-channel'), axis: count }),
  z.strictObject({ kind: z.literal('per-block'), axis: count, blockSize: z.number().int().min(1) }),
])

const float = z.strictObject({
  kind: z.literal('float'),
  dtype: z.enum(['float32', 'float16', 'bfloat16']),
})

const affine = z.strictObject({
  kind: z.literal('affine'),
  dtype: z.enum(['int8', 'int4', 'int3', 'int2']),
  symmetric: z.boolean(),
  granularity,
  scaleDtype: z.enum(['float16', 'float32']),
})

const layer = z.strictObject({
  layer: z.string(),
  component: z.string(),
  role: z.enum([
    'linear',
    'conv',
    'depthwise-conv',
    'embedding',
    'tied-embedding',
    'vector',
    'other',
  ]),
  shape: z.array(count).max(8),
  scheme: z.discriminatedUnion('kind', [float, affine]),
  algorithm: z.enum(['round', 'mse']),
  form: z.string(),
  bytes: z.strictObject({ codes: count, scales: count, zeroPoints: count }),
  reasons: z.array(z.string()),
})

const finding = z.object({
  code: z.string(),
  severity: z.enum(['info', 'warning']),
  message: z.string(),
})

const planSchema = z.strictObject({
  schema: z.literal('mixbit/plan@1'),
  model: z.string(),
  target: z.enum(['transformers-js']),
  preset: z.string().nullable(),
  protect: z.boolean(),
  statistics: z.string().nullable(),
  seed: z.number().int(),
  layers: z.array(layer).max(1_000_000),
  bytes: count,
  findings: z.array(finding),
})

/**
 * Reads a plan that `mixbit plan` wrote and a person may have edited: schemes and algorithms
 * count, forms and byte counts are derived again.
 *
 * @param value - parsed JSON
 * @param name - the file, for messages
 * @throws `unsupported-version`, `invalid-plan`, `unsupported-scheme`
 */
export function readPlan(value: unknown, name: string): Plan {
  refuseOtherVersions(value, name)
  const plan = parseWith(planSchema, value, { code: 'invalid-plan', file: name })
  const layers = plan.layers.map((each) => {
    const form = formFor(each)
    return { ...each, form: form.name, bytes: bytesByPart(form) }
  })
  const bytes = layers.reduce(
    (sum, each) => sum + each.bytes.codes + each.bytes.scales + each.bytes.zeroPoints,
    0,
  )
  return { ...plan, layers, bytes }
}

function refuseOtherVersions(value: unknown, name: string): void {
  const found = z.object({ schema: z.string() }).safeParse(value)
  if (!found.success || !found.data.schema.startsWith('mixbit/plan@')) return
  ensure(
    found.data.schema === 'mixbit/plan@1',
    'unsupported-version',
    `"${name}" has schema ${found.data.schema}; this version reads mixbit/plan@1. Make the plan again, or update Mixbit.`,
    { file: name, found: found.data.schema },
  )
}
