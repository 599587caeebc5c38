import * as z from 'zod'

import { ensure } from '../../base/error.ts'
import { parseWith } from '../../base/parse-with.ts'

/** `mixbit.json`: what a written folder holds. Marks the folder as ours. */
export type Manifest = {
  readonly schema: 'mixbit/model@1'
  readonly target: string
  readonly task: string
  /** The message around a question. */
  readonly prompt: string
  /** Session name to the path of its graph. */
  readonly sessions: Readonly<Record<string, string>>
  readonly components: Readonly<Record<string, ManifestComponent>>
  /** Model files: graphs and external data. */
  readonly files: readonly ManifestFile[]
}

export type ManifestFile = {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
}

export type ManifestComponent = {
  /** Paths of the files that hold the component. */
  readonly files: readonly string[]
  /** Bytes of the component's weights as written. */
  readonly bytes: number
  readonly parameters: number
  readonly precision: string
}

const count = z.number().int().nonnegative()

const manifestSchema: z.ZodType<Manifest> = z.object({
  schema: z.literal('mixbit/model@1'),
  target: z.string(),
  task: z.string(),
  prompt: z.string(),
  sessions: z.record(z.string(), z.string()),
  components: z.record(
    z.string(),
    z.object({
      files: z.array(z.string()),
      bytes: count,
      parameters: count,
      precision: z.string(),
    }),
  ),
  files: z.array(
    z.object({ path: z.string(), bytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/u) }),
  ),
})

/** Reads a parsed `mixbit.json`. Throws `unsupported-version` or `malformed`. */
export function readManifest(value: unknown, name: string): Manifest {
  const version = z.object({ schema: z.string() }).safeParse(value)
  ensure(
    version.success,
    'malformed',
    `"${name}" has no schema, so it is not a file that Mixbit wrote.`,
    { file: name },
  )
  ensure(
    version.data.schema === 'mixbit/model@1',
    'unsupported-version',
    `"${name}" has schema ${version.data.schema}; this version reads mixbit/model@1. Quantize the model again, or update Mixbit.`,
    { file: name, found: version.data.schema },
  )
  return parseWith(manifestSchema, value, { code: 'malformed', file: name })
}
