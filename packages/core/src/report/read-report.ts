import * as z from 'zod'

import { ensure } from '../base/error.ts'
import { parseWith } from '../base/parse-with.ts'
import type { Report } from './report-types.ts'

const text = z.string()
const number = z.number()
const sized = z.object({ bytes: number, value: number.nullable() })
const accuracy = z.object({ value: number, low: number, high: number, samples: number })

const finding = z.object({
  code: text,
  severity: z.enum(['info', 'warning']),
  message: text,
  subject: text.optional(),
})

const evaluation = z.object({
  schema: z.literal('mixbit/evaluation@1'),
  metric: text,
  value: number,
  low: number,
  high: number,
  samples: number,
  seconds: number,
  data: text,
  byQuestionType: z.record(text, accuracy),
  byAnswerType: z.record(text, accuracy),
  numerics: z.enum(['faithful', 'device']),
  findings: z.array(finding),
})

const changed = z.object({
  question: text,
  questionType: text,
  expected: text,
  before: text,
  after: text,
  scoreBefore: number,
  scoreAfter: number,
  picture: text.regex(/^data:image\/(jpeg|png|webp);base64,[A-Za-z0-9+/=]*$/u).nullable(),
})

const layer = z.object({
  layer: text,
  component: text,
  role: text,
  shape: z.array(number),
  precision: text,
  form: text,
  algorithm: text,
  before: number,
  after: number,
  sqnrDb: number.nullable(),
  mse: number,
  maxAbsError: number,
  reasons: z.array(text),
  histogram: z.object({ min: number, max: number, counts: z.array(number) }).nullable(),
})

const reportSchema = z.object({
  schema: z.literal('mixbit/report@1'),
  title: text,
  passed: z.boolean(),
  before: sized,
  after: sized,
  gates: z.array(
    z.object({
      name: text,
      status: z.enum(['passed', 'failed']),
      limit: number,
      measured: number,
      text,
    }),
  ),
  components: z.array(
    z.object({
      component: text,
      precision: text,
      parameters: number,
      before: number,
      after: number,
    }),
  ),
  layers: z.array(layer),
  evaluations: z.array(
    z.object({
      name: text,
      before: evaluation,
      after: evaluation,
      worse: number,
      better: number,
      pValue: number,
      changed: z.array(changed),
    }),
  ),
  findings: z.array(finding),
  files: z.array(z.object({ path: text, bytes: number, sha256: text })),
  steps: z.array(z.object({ name: text, seconds: number.nullable(), note: text })),
  provenance: z.array(z.object({ name: text, value: text })),
  config: z.record(text, z.unknown()),
})

/** Reads a parsed `report.json`. Throws `unsupported-version` or `malformed`. */
export function readReport(value: unknown, name: string): Report {
  const version = z.object({ schema: text }).safeParse(value)
  ensure(
    !version.success || version.data.schema === 'mixbit/report@1',
    'unsupported-version',
    `"${name}" has another schema than mixbit/report@1. Run the model again, or update Mixbit.`,
    { file: name },
  )
  return parseWith(reportSchema, value, { code: 'malformed', file: name })
}
