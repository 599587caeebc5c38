import * as z from 'zod'

import { ALGORITHMS, PALETTE_RULES, TARGETS } from '../config/settings.ts'
import { COMPUTE_UNITS } from '../targets/coreml-devices.ts'
import { RUNTIME_PROFILES } from '../targets/integer-kernels.ts'
import { ensure } from '../base/error.ts'
import { parseWith } from '../base/parse-with.ts'
import { MAX_MAGNITUDE, MAX_SPARSE_GROUP, MAX_VECTOR } from '../scheme/precision.ts'
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

const palette = z.strictObject({
  kind: z.literal('palette'),
  bits: z.literal([1, 2, 3, 4, 6, 8]),
  granularity,
  vectorSize: z.number().int().min(1).max(MAX_VECTOR),
  table: z.enum(['float', 'int8']),
  channelScale: z.boolean(),
})

const zeros = z.number().gt(0).lt(1)

const sparse = z.strictObject({
  kind: z.literal('sparse'),
  pattern: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('fraction'), zeros }),
    z.strictObject({ kind: z.literal('structured'), zeros, size: z.number().int().min(1) }),
    z.strictObject({
      kind: z.literal('threshold'),
      magnitude: z.number().min(0).max(MAX_MAGNITUDE),
    }),
    z
      .strictObject({
        kind: z.literal('n-of-m'),
        n: z.number().int().min(1),
        m: z.number().int().max(MAX_SPARSE_GROUP),
      })
      .refine(({ n, m }) => n < m, 'n must be below m'),
  ]),
  values: z.discriminatedUnion('kind', [float, affine, palette]),
})

const layer = z.strictObject({
  layer: z.string(),
  component: z.string(),
  role: z.enum([
    'linear',
    'conv',
    'depthwise-conv',
    'embedding',
    'matrix',
    'tied-embedding',
    'vector',
    'other',
  ]),
  shape: z.array(count).max(8),
  scheme: z.discriminatedUnion('kind', [float, affine, palette, sparse]),
  algorithm: z.enum([...ALGORITHMS, ...PALETTE_RULES]),
  form: z.string(),
  bytes: z.strictObject({
    codes: count,
    scales: count,
    zeroPoints: count,
    tables: count.optional(),
    masks: count.optional(),
    isMost: z.boolean().optional(),
  }),
  kept: z.literal(true).optional(),
  reasons: z.array(z.string()),
})

const activation = z.strictObject({
  tensor: z.string(),
  min: z.number(),
  max: z.number(),
  scale: z.number().positive(),
  zeroPoint: z.number().int().min(-128).max(255),
  means: z.array(z.number()).max(1_000_000).optional(),
  rule: z.string(),
  reason: z.string(),
})

const operator = z.strictObject({
  node: z.string(),
  op: z.string(),
  runs: z.enum(['integer', 'float']),
  reason: z.string(),
})

const finding = z.strictObject({
  code: z.string(),
  severity: z.enum(['info', 'warning']),
  message: z.string(),
  subject: z.string().optional(),
})

const packageSize = z.strictObject({
  bytesBefore: count,
  bytes: count,
  isMost: z.boolean().optional(),
  specBefore: z.number().int(),
  spec: z.number().int(),
})

const planSchema: z.ZodType<Plan> = z.strictObject({
  schema: z.literal('mixbit/plan@1'),
  model: z.string(),
  target: z.enum(TARGETS),
  computeUnit: z.enum(COMPUTE_UNITS).optional(),
  preset: z.string().nullable(),
  protect: z.boolean(),
  statistics: z.string().nullable(),
  seed: z.number().int(),
  layers: z.array(layer).max(1_000_000),
  activations: z.array(activation).max(1_000_000).optional(),
  operators: z.array(operator).max(1_000_000).optional(),
  runtime: z.enum(RUNTIME_PROFILES).optional(),
  io: z
    .strictObject({
      inputs: z.array(z.string()).max(10_000),
      outputs: z.array(z.string()).max(10_000),
    })
    .optional(),
  package: packageSize.optional(),
  bytes: count,
  findings: z.array(finding),
})

/**
 * Reads a plan that `mixbit plan` wrote and a person may have edited. Whether it fits a model is
 * for `fitPlan` to say.
 *
 * @param value - parsed JSON
 * @param name - the file, for messages
 * @throws `unsupported-version`, `invalid-plan`
 */
export function readPlan(value: unknown, name: string): Plan {
  refuseOtherVersions(value, name)
  return parseWith(planSchema, value, { code: 'invalid-plan', file: name })
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
