import { beforeAll, expect, test } from 'vitest'

import type { Audit } from '../src/audit/audit-types.ts'
import { mergeConfig } from '../src/config/merge-config.ts'
import type { Settings } from '../src/config/settings.ts'
import type { CheckpointModel } from '../src/convert/read-model.ts'
import { readCheckpointModel } from '../src/convert/read-model.ts'
import { auditModel } from '../src/pipeline/audit-model.ts'
import { NO_IMPORTANCE } from '../src/pipeline/calibrate-model.ts'
import { planModel, quantizeModel } from '../src/pipeline/quantize-model.ts'
import type { Plan } from '../src/plan/plan-types.ts'
import type { WrittenModel } from '../src/quantize/write-model.ts'
import type { MemoryHost } from './helpers/memory-host.ts'
import { memoryHost } from './helpers/memory-host.ts'
import { nanoFiles } from './helpers/nano.ts'

// After a wanted change: npm run golden, then read the diff.

let host: MemoryHost
let model: CheckpointModel
let audit: Audit
beforeAll(async () => {
  host = memoryHost(await nanoFiles())
  model = await readCheckpointModel(host, 'nano')
  audit = await auditModel(host, model)
})

function plan(settings: Settings): Promise<Plan> {
  return planModel(host, audit, mergeConfig(settings, {}), null, null)
}

async function written(settings: Settings, folder: string): Promise<WrittenModel> {
  const importance = NO_IMPORTANCE
  const request = { model, audit, importance, folder, tables: 'shared' as const }
  return quantizeModel(host, { ...request, plan: await plan(settings) })
}

/** JSON, an entry of a list a line, with 6 significant digits, so that no last bit shows. */
function rounded(value: Readonly<Record<string, unknown>>): string {
  const short = (each: unknown): string =>
    JSON.stringify(each, (_, part: unknown) =>
      typeof part === 'number' && !Number.isInteger(part) ? Number(part.toPrecision(6)) : part,
    )
  const lines = Object.entries(value).map(([key, part]) =>
    Array.isArray(part)
      ? `"${key}": [\n${part.map((each) => `  ${short(each)}`).join(',\n')}\n]`
      : `"${key}": ${short(part)}`,
  )
  return `{\n${lines.join(',\n')}\n}\n`
}

test('the audit of fastvlm-nano is the committed one', async () => {
  await expect(rounded(audit)).toMatchFileSnapshot('golden/fastvlm-nano.audit.json')
})

test('the balanced plan of fastvlm-nano is the committed one', async () => {
  const balanced = await plan({ preset: 'balanced' })
  await expect(rounded(balanced)).toMatchFileSnapshot('golden/fastvlm-nano.plan-balanced.json')
})

test('the balanced model files are the same on every machine', async () => {
  const lines: string[] = []
  for (const algorithm of ['round', 'mse'] as const) {
    const { manifest } = await written({ preset: 'balanced', algorithm }, algorithm)
    lines.push(...manifest.files.map(({ path, sha256 }) => `${sha256}  ${algorithm}/${path}`))
  }
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('golden/fastvlm-nano.balanced.sha256')
})
