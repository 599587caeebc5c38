import { z } from 'zod'
import { configSchema } from './config-schema.ts'

/** The JSON Schema of a config file, for editors. Published as `config.schema.json`. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(configSchema, { io: 'input', reused: 'inline' })
  return { $comment: GENERATED, ...schema }
}

const GENERATED =
  'Generated from src/config/config-schema.ts. Rewrite it with: npx vitest run packages/core/test/config-json-schema.test.ts -u'
