import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { MixbitError } from '../src/base/error.ts'
import { ModelSchema } from '../src/formats/coreml/generated/coreml_pb.ts'
import { coremlForms, specRange } from '../src/formats/coreml/forms.ts'
import { stringValue } from '../src/formats/coreml/make-values.ts'
import { partChunks } from '../src/formats/coreml/part-chunks.ts'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import type { CoremlModel } from '../src/formats/coreml/read-package.ts'
import { checkCoremlStructure } from '../src/formats/coreml/structure/check-structure.ts'
import { writeCoremlPackage } from '../src/formats/coreml/write-package.ts'
import type { Replacement } from '../src/formats/coreml/write-package.ts'
import { compareCoremlPackages } from '../src/pipeline/compare-packages.ts'
import { countKeptOfPlan } from '../src/pipeline/count-kept.ts'
import { decompressCoremlPackage } from '../src/pipeline/quantize-package.ts'
import { parsePrecision, schemeFor } from '../src/scheme/precision.ts'
import { brokenCoremlModel } from './helpers/break-coreml.ts'
import { anyEncoding, seededNumbers } from './helpers/coreml-encoding.ts'
import { MODEL_PATH, PACKAGE, WEIGHTS_PATH } from './helpers/coreml.ts'
import { OUT, quantized } from './helpers/coreml-quantized.ts'
import {
  blockOf,
  failedChecks,
  operation,
  soundFiles,
  sure,
  withModel,
} from './helpers/coreml-sound.ts'
import { memoryHost } from './helpers/memory-host.ts'
import type { MemoryHost } from './helpers/memory-host.ts'

const PRECISIONS = [
  'int8',
  'int4/2',
  'palette4',
  'palette3/g2',
  'sparse50+fp16',
  'sparse50+int8',
] as const

/** Reads everything, decodes every weight, checks the structure, compresses what can be, and reads that. */
async function useAll(host: MemoryHost, seed: number): Promise<string> {
  const checks = await checkCoremlStructure(host, PACKAGE).catch(unsupported)
  if (typeof checks === 'string') return checks
  try {
    const model = await readCoremlPackage(host, PACKAGE)
    await decodeAll(model)
    const replacements = replacementsFor(model, PRECISIONS[seed % PRECISIONS.length] ?? 'int8')
    await writeCoremlPackage(host, { model, folder: 'out.mlpackage', replacements })
    await decodeAll(await readCoremlPackage(host, 'out.mlpackage'))
    return failedChecks(checks).length === 0 ? 'sound' : 'failed check'
  } catch (error) {
    if (error instanceof MixbitError) return error.code
    throw error
  }
}

/** A check throws for nothing but a model that it does not read. */
function unsupported(error: unknown): string {
  const isExpected =
    error instanceof MixbitError && /^unsupported-(model|version)$/u.test(error.code)
  if (!isExpected) throw error
  return error.code
}

async function decodeAll({ document }: CoremlModel): Promise<void> {
  for (const { weight, shape, stored } of document.weights.values()) {
    await weight.readRows(0, shape[0] ?? 1)
    await stored.readEncoding()
  }
}

function replacementsFor(
  { document }: CoremlModel,
  precision: string,
): ReadonlyMap<string, Replacement> {
  const { spec, highestSpec } = document
  const weights = [...document.weights.values()].filter(({ whyFloat }) => whyFloat === null)
  const layers = weights.map((weight) => ({
    weight,
    scheme: schemeFor(parsePrecision(precision), { ...weight, scaleDtype: weight.dtype }),
  }))
  const forms = coremlForms(layers, specRange(spec, null, highestSpec.spec))
  const replacements = new Map<string, Replacement>()
  for (const [i, { name }] of weights.entries()) {
    const form = forms[i]
    if (form === undefined || form.kind === 'none') continue
    replacements.set(name, { form, parts: () => partChunks(form, [anyEncoding(form, i)]) })
  }
  return replacements
}

/** How often each end came, of changes that are the same on every run. */
async function endsOf(path: string, times: number): Promise<ReadonlyMap<string, number>> {
  const files = await soundFiles()
  const ends = new Map<string, number>()
  const sound = files.get(`${PACKAGE}/${path}`) ?? new Uint8Array()
  for (let seed = 0; seed < times; seed++) {
    const changed = new Map(files)
    changed.set(`${PACKAGE}/${path}`, damaged(sound, seed))
    const end = await useAll(memoryHost(changed), seed).catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error })
    })
    ends.set(end, (ends.get(end) ?? 0) + 1)
  }
  return ends
}

describe('any change of a file ends with a result or a code', () => {
  test.for([
    ['Manifest.json', 300],
    [MODEL_PATH, 700],
    [WEIGHTS_PATH, 300],
  ] as const)('%s, %d times', { timeout: 60_000 }, async ([path, times]) => {
    const ends = await endsOf(path, times)
    expect([...ends.values()].reduce((a, b) => a + b, 0)).toBe(times)
    expect(ends.get('malformed') ?? 0).toBeGreaterThan(10)
  })
})

test('any change of the meaning of a program does as well', { timeout: 60_000 }, async () => {
  const files = await soundFiles()
  const path = `${PACKAGE}/${MODEL_PATH}`
  const sound = fromBinary(ModelSchema, files.get(path) ?? new Uint8Array())
  const ends = new Map<string, number>()
  for (let seed = 0; seed < 400; seed++) {
    const changed = new Map(files)
    changed.set(path, toBinary(ModelSchema, brokenCoremlModel(sound, seed)))
    const end = await useAll(memoryHost(changed), seed).catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error })
    })
    ends.set(end, (ends.get(end) ?? 0) + 1)
  }
  // Changes are small: many programs can still be read, and many cannot.
  expect(ends.get('failed check') ?? 0).toBeGreaterThan(40)
  expect(ends.get('malformed') ?? 0).toBeGreaterThan(40)
})

/** Every step that works on a package: each ends with a result or a code. */
async function useSteps(files: ReadonlyMap<string, Uint8Array>, precision: string) {
  const host = memoryHost(files)
  const steps = [
    () => decompressCoremlPackage(host, { path: PACKAGE, folder: 'dense.mlpackage' }),
    async () => {
      const { model, audit, plan } = await quantized(host, { precision })
      await countKeptOfPlan(host, model, audit, plan)
    },
    () => compareCoremlPackages(host, { reference: PACKAGE, candidate: OUT }),
  ]
  const ends: string[] = []
  for (const step of steps) ends.push(await endOf(step))
  return ends.join()
}

async function endOf(step: () => Promise<unknown>): Promise<string> {
  try {
    await step()
    return 'done'
  } catch (error) {
    if (error instanceof MixbitError) return 'refused'
    throw error
  }
}

test('every step takes any program', { timeout: 60_000 }, async () => {
  const files = await soundFiles()
  const path = `${PACKAGE}/${MODEL_PATH}`
  const sound = fromBinary(ModelSchema, files.get(path) ?? new Uint8Array())
  const ends = new Set<string>()
  for (let seed = 1000; seed < 1100; seed++) {
    const changed = new Map(files)
    changed.set(path, toBinary(ModelSchema, brokenCoremlModel(sound, seed)))
    const precision = PRECISIONS[seed % PRECISIONS.length] ?? 'int8'
    const end = await useSteps(changed, precision).catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error })
    })
    ends.add(end)
  }
  expect([...ends]).toEqual(expect.arrayContaining(['done,done,done', 'refused,refused,refused']))
})

/** Bytes flipped, runs removed, repeated or exchanged, or the end cut off. */
function damaged(sound: Uint8Array, seed: number): Uint8Array {
  const random = seededNumbers(seed)
  const at = (length: number): number => Math.floor(random() * length)
  let bytes = Buffer.from(sound)
  for (let changes = 1 + at(3); changes > 0; changes--) {
    const start = at(bytes.length)
    const end = Math.min(bytes.length, start + 1 + at(16))
    switch (at(5)) {
      case 0:
        bytes = Buffer.from(bytes.subarray(0, Math.max(1, start)))
        break
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
        break
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)])
        break
      default:
        bytes[start % Math.max(1, bytes.length)] = at(256)
    }
    if (bytes.length === 0) bytes = Buffer.from([0])
  }
  return new Uint8Array(bytes)
}

test('names of JavaScript are names like any others', async () => {
  const host = await withModel((_, operations) => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const h = operation(operations, 'h')
      h.attributes.push({ ...sure(h.attributes[0]), key: name, value: stringValue(name) })
      h.inputs.push({ ...sure(h.inputs[0]), key: name })
    }
    operation(operations, 'h2').type = 'constructor'
    operations.push(operation(operations, 'h3'))
  })
  expect(failedChecks(await checkCoremlStructure(host, PACKAGE))).toContain('operators')
  await expect(useAll(host, 0)).resolves.toBe('failed check')
  const path = `out.mlpackage/${MODEL_PATH}`
  const written = fromBinary(ModelSchema, host.files.get(path) ?? new Uint8Array())
  const h = operation(blockOf(written).operations, 'h')
  expect(h.attributes.map(({ key }) => key)).toEqual([
    'name',
    '__proto__',
    'constructor',
    'toString',
  ])
})
