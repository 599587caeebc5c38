import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MixbitError, memorySource, parseConfig, readJson, readReport } from '@mixbit/core'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { readStatistics } from '../../core/src/calibrate/statistics.ts'
import { readManifest } from '../../core/src/formats/transformers-js/manifest.ts'
import { readPlan } from '../../core/src/plan/read-plan.ts'
import { parseDescriptor } from '../../core/src/tasks/descriptor.ts'
import { loadConfig } from '../src/cli/load-config.ts'
import { samples } from './json-samples.ts'

const RUNS = 5000

/** Far more than the slowest takes; a reader that hangs shows as this. */
const TIMEOUT = { timeout: 60_000 }

type Row = {
  readonly name: string
  readonly read: (value: unknown, name: string) => unknown
  readonly sample: unknown
}

const readers: readonly Row[] = [
  { name: 'plans', read: readPlan, sample: samples.plan },
  { name: 'statistics', read: readStatistics, sample: samples.statistics },
  { name: 'mixbit.json', read: readManifest, sample: samples.manifest },
  { name: 'report.json', read: readReport, sample: samples.report },
  { name: 'dataset descriptors', read: parseDescriptor, sample: samples.descriptor },
  { name: 'configs', read: parseConfig, sample: samples.config },
]

/** Values that a reader may stumble over. */
const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, -1, 0, 1e308, -0, 2 ** 53, 1.5, '', '__proto__', [], {}),
  fc.constantFrom<unknown>('../../etc/passwd', 'a\0b', '\u202E', '{'.repeat(300), [[[[[[]]]]]]),
  fc.json().map((text): unknown => JSON.parse(text)),
  fc.string({ maxLength: 2000 }),
)

/** One change of a parsed value, at the place that `at` (0 to 1) picks among all of its places. */
type Change = { readonly at: number; readonly key: string | null; readonly value: unknown }

const share = fc.double({ min: 0, max: 1, noNaN: true })

const change: fc.Arbitrary<Change> = fc.record({
  at: share,
  key: fc.option(fc.constantFrom('__proto__', 'constructor', 'toString', 'extra', ''), { freq: 6 }),
  value: hostile,
})

test.for(readers)('$name: a changed value is read or refused with a code', TIMEOUT, (row) => {
  const text = JSON.stringify(row.sample)
  expect(() => row.read(JSON.parse(text), row.name)).not.toThrow()
  let refused = 0
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const value = changes.reduce<unknown>(apply, JSON.parse(text))
      try {
        row.read(value, row.name)
      } catch (error) {
        mustBeCoded(error)
        refused++
      }
    }),
    { numRuns: RUNS, seed: 20_260 },
  )
  expect(refused).toBeGreaterThan(RUNS / 4)
})

/** Bytes from `at` (0 to 1) on are replaced. */
type Edit = { readonly at: number; readonly remove: number; readonly bytes: Uint8Array }

const edit: fc.Arbitrary<Edit> = fc.record({
  at: share,
  remove: fc.nat({ max: 40 }),
  bytes: fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    fc
      .constantFrom('[', '{', '"', ',', ':', '\\u0000', '1e999', '&a [*a]', '\n- ', '!!js/x ', '? ')
      .map((text) => new TextEncoder().encode(text)),
  ),
})

const edits = fc.array(edit, { minLength: 1, maxLength: 4 })

test.for(readers)('$name: a damaged file is read or refused with a code', TIMEOUT, async (row) => {
  const whole = new TextEncoder().encode(JSON.stringify(row.sample))
  await fc.assert(
    fc.asyncProperty(edits, async (changes) => {
      const source = memorySource(row.name, changes.reduce(edited, whole))
      const open = (): Promise<typeof source> => Promise.resolve(source)
      await readJson({ open }, row.name, 'malformed')
        .then((value) => row.read(value, row.name))
        .catch(mustBeCoded)
    }),
    { numRuns: RUNS, seed: 20_261 },
  )
})

const folder = mkdtempSync(join(tmpdir(), 'mixbit-fuzz-'))

afterAll(() => {
  rmSync(folder, { recursive: true })
})

test('configs: a damaged YAML file is read or refused with a code', TIMEOUT, async () => {
  const yaml = [
    'model: ./FastVLM-0.5B',
    'preset: balanced # the reference mix',
    'components: { vision_encoder: int4, decoder: int4 }',
    'layers:',
    '  "decoder.layers.0.*": int8',
    'evaluation:',
    '  - data: val.json',
    '    maxDrop: 0.03',
    'budget: { size: 500MB }',
  ].join('\n')
  const whole = new TextEncoder().encode(yaml)
  const path = join(folder, 'mixbit.config.yaml')
  let read = 0
  const warnings: Error[] = []
  const onWarning = (warning: Error): unknown => warnings.push(warning)
  process.on('warning', onWarning)
  await fc.assert(
    fc.asyncProperty(edits, async (changes) => {
      writeFileSync(path, changes.reduce(edited, whole))
      await loadConfig(path, folder).then(() => read++, mustBeCoded)
    }),
    { numRuns: RUNS, seed: 20_262 },
  )
  process.off('warning', onWarning)
  expect(read).toBeGreaterThan(0)
  expect(warnings).toEqual([])
})

type Place = { readonly holder: object; readonly key: string }

function places(value: unknown): readonly Place[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]: readonly [string, unknown]) => [
    { holder: value, key },
    ...places(each),
  ])
}

/** Puts a hostile value in the place of one, or beside it under a key of its own. */
function apply(value: unknown, { at, key, value: hostileValue }: Change): unknown {
  const all = places(value)
  const place = all[Math.min(all.length - 1, Math.floor(at * all.length))]
  if (place === undefined) return hostileValue
  Object.defineProperty(place.holder, key ?? place.key, {
    value: hostileValue,
    enumerable: true,
    configurable: true,
    writable: true,
  })
  return value
}

function edited(bytes: Uint8Array, { at, remove, bytes: inserted }: Edit): Uint8Array {
  const start = Math.floor(at * bytes.length)
  return Buffer.concat([bytes.subarray(0, start), inserted, bytes.subarray(start + remove)])
}

/** What is not a value must be an error with a code and a sentence of bearable length. */
function mustBeCoded(error: unknown): void {
  if (!(error instanceof MixbitError)) throw error
  expect(error.message.length).toBeLessThan(5000)
}
