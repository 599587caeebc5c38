import { create } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { MixbitError } from '../src/base/error.ts'
import { BlockEntrySchema, ValueSchema } from '../src/formats/coreml/generated/coreml_pb.ts'
import type { Model, Operation, Value } from '../src/formats/coreml/generated/coreml_pb.ts'
import { blobValue, literalValue } from '../src/formats/coreml/make-values.ts'
import { readCoremlPackage, refuseModelFile } from '../src/formats/coreml/read-package.ts'
import { checkCoremlStructure } from '../src/formats/coreml/structure/check-structure.ts'
import { MANIFEST_TEXT, MODEL_PATH, PACKAGE, WEIGHTS_NAME, WEIGHTS_PATH } from './helpers/coreml.ts'
import {
  blockOf,
  changeInput,
  failedChecks,
  first,
  functionOf,
  half,
  operation,
  setValue,
  soundFiles,
  soundHost,
  withModel,
  withWeights,
} from './helpers/coreml-sound.ts'
import { memoryHost } from './helpers/memory-host.ts'
import type { MemoryHost } from './helpers/memory-host.ts'

describe('a manifest is refused', () => {
  const manifest = JSON.parse(MANIFEST_TEXT)
  const item = { author: 'a', description: 'd', name: 'n', path: 'com.apple.CoreML/model.mlmodel' }
  test.for<readonly [string, string, unknown]>([
    ['malformed', 'that is no object', []],
    ['malformed', 'without items', { ...manifest, itemInfoEntries: undefined }],
    ['malformed', 'whose root is nowhere', { ...manifest, rootModelIdentifier: 'id-other' }],
    [
      'malformed',
      'whose root is a word of JavaScript',
      { ...manifest, rootModelIdentifier: '__proto__' },
    ],
    [
      'malformed',
      'with an item without a path',
      { ...manifest, itemInfoEntries: { a: { ...item, path: 7 } } },
    ],
    ['unsupported-version', 'of a later version', { ...manifest, fileFormatVersion: '2.0.0' }],
    ['path-outside', 'that leaves its folder', rooted('../../other/model.mlmodel')],
    ['path-outside', 'with an absolute path', rooted('/etc/passwd')],
    ['path-outside', 'with a path of Windows', rooted('com\\model.mlmodel')],
    ['path-outside', 'with a path of dots', rooted('./model.mlmodel')],
    ['not-found', 'that names no file', rooted('com.apple.CoreML/other.mlmodel')],
  ])('%s: %s', async ([code, , value]) => {
    const host = await soundHost()
    host.files.set(`${PACKAGE}/Manifest.json`, new TextEncoder().encode(JSON.stringify(value)))
    await expect(readCoremlPackage(host, PACKAGE)).rejects.toMatchObject({ code })
    expect(failedChecks(await checkCoremlStructure(host, PACKAGE))).toEqual(['manifest'])
  })

  function rooted(path: string): unknown {
    return {
      ...manifest,
      itemInfoEntries: { root: { ...item, path } },
      rootModelIdentifier: 'root',
    }
  }

  test('when it is no JSON, no text, or missing', async () => {
    const host = await soundHost()
    host.files.set(`${PACKAGE}/Manifest.json`, new TextEncoder().encode('{"a":'))
    await expect(readCoremlPackage(host, PACKAGE)).rejects.toMatchObject({ code: 'malformed' })
    host.files.set(`${PACKAGE}/Manifest.json`, Uint8Array.of(0xff, 0xfe))
    await expect(readCoremlPackage(host, PACKAGE)).rejects.toMatchObject({ code: 'malformed' })
    host.files.delete(`${PACKAGE}/Manifest.json`)
    await expect(readCoremlPackage(host, PACKAGE)).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('what is no ML Program is refused with the remedy', () => {
  // By hand: field 1 is the version, the tag of the kind is its field number times 8, plus 2.
  test.for<readonly [number, RegExp]>([
    [500, /NeuralNetwork.*convert_to="mlprogram"/u],
    [403, /NeuralNetworkClassifier.*convert_to="mlprogram"/u],
    [202, /Pipeline.*one model of the pipeline/u],
    [402, /another kind of model \(field 402 of Model\)/u],
  ])('field %d', async ([field, message]) => {
    const tag = field * 8 + 2
    const bytes = Uint8Array.of(8, 4, (tag & 127) | 128, tag >> 7, 2, 8, 1)
    const host = memoryHost(new Map([['old.mlmodel', bytes]]))
    await expect(refuseModelFile(host, 'old.mlmodel')).rejects.toMatchObject({
      code: 'unsupported-model',
      message: expect.stringMatching(message),
    })
    const packaged = await soundHost()
    packaged.files.set(`${PACKAGE}/${MODEL_PATH}`, bytes)
    const refused = { code: 'unsupported-model' }
    await expect(readCoremlPackage(packaged, PACKAGE)).rejects.toMatchObject(refused)
    // Nothing is wrong with it, so no check of it fails.
    await expect(checkCoremlStructure(packaged, PACKAGE)).rejects.toMatchObject(refused)
  })

  test('a program without its package', async () => {
    const files = await soundFiles()
    const host = memoryHost(
      new Map([['m.mlmodel', files.get(`${PACKAGE}/${MODEL_PATH}`) ?? new Uint8Array()]]),
    )
    await expect(refuseModelFile(host, 'm.mlmodel')).rejects.toMatchObject({
      code: 'unsupported-model',
      message: expect.stringMatching(/Give the path of the \.mlpackage folder/u),
    })
  })

  test('a version that nobody knows', async () => {
    const host = await withModel((model) => {
      model.specificationVersion = 99
    })
    const refused = { code: 'unsupported-version' }
    await expect(readCoremlPackage(host, PACKAGE)).rejects.toMatchObject(refused)
    await expect(checkCoremlStructure(host, PACKAGE)).rejects.toMatchObject(refused)
  })

  test('but a file without any model is broken', async () => {
    const host = await soundHost()
    host.files.set(`${PACKAGE}/${MODEL_PATH}`, new Uint8Array())
    await expect(readCoremlPackage(host, PACKAGE)).rejects.toMatchObject({ code: 'malformed' })
    const checks = await checkCoremlStructure(host, PACKAGE)
    expect(checks.map(({ status }) => status)).toEqual([
      'passed',
      'failed',
      ...Array.from({ length: 7 }, () => 'skipped'),
    ])
  })
})

describe('a broken program is refused', () => {
  test.for<readonly [string, (model: Model, operations: Operation[]) => void]>([
    ['without the function main', (model) => void (first(model).key = 'other')],
    ['with a function twice', (model) => void model.mlProgram?.functions.push(first(model))],
    [
      'without the block of its operator set',
      (model) => void (functionOf(model).opset = 'CoreML7'),
    ],
    [
      'with two blocks of it',
      (model) =>
        void functionOf(model).blockSpecializations.push(
          create(BlockEntrySchema, { key: 'CoreML8' }),
        ),
    ],
    [
      'with a value that is read before it is made',
      (_, operations) => void operations.push(...operations.splice(0, 1)),
    ],
    [
      'with a value that is made of itself',
      (_, operations) => {
        const second = operation(operations, 'second')
        const [data] = second.inputs
        if (data?.value?.arguments[0] !== undefined) {
          data.value.arguments[0].binding = { case: 'name', value: 'second' }
        }
      },
    ],
    ['with an output that nothing gives', (model) => void blockOf(model).outputs.push('nothing')],
    [
      'with a weight file outside the package',
      (_, operations) =>
        setValue(operations, blobValue(half([16, 4]), '@model_path/../../../w.bin', 64)),
    ],
    [
      'with a weight file of any other place',
      (_, operations) => setValue(operations, blobValue(half([16, 4]), '/etc/passwd', 64)),
    ],
    [
      'with itself as a weight file',
      (_, operations) =>
        setValue(operations, blobValue(half([16, 4]), '@model_path/model.mlmodel', 64)),
    ],
    [
      'with an offset that no blob has',
      (_, operations) => setValue(operations, blobValue(half([16, 4]), WEIGHTS_NAME, 128)),
    ],
    [
      'with a shape that takes other bytes',
      (_, operations) => setValue(operations, blobValue(half([16, 5]), WEIGHTS_NAME, 64)),
    ],
    [
      'with another dtype than its blob',
      (_, operations) =>
        setValue(operations, blobValue({ dtype: 'int16', shape: [16, 4] }, WEIGHTS_NAME, 64)),
    ],
    [
      'with fewer values than its shape has',
      (_, operations) => setValue(operations, literalValue(half([16, 4]), new Uint8Array(8))),
    ],
    [
      'with scales that do not divide the weight',
      (_, operations) => changeInput(operations, 'second', 'scale', [5, 1]),
    ],
    [
      'with a table of fewer entries than indices can name',
      (_, operations) => changeInput(operations, 'third', 'lut', [2, 1, 8, 1]),
    ],
  ])('%s', async ([, change]) => {
    const host = await withModel(change)
    const error: unknown = await readCoremlPackage(host, PACKAGE).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(MixbitError)
    const checks = await checkCoremlStructure(host, PACKAGE)
    expect(failedChecks(checks).length).toBeGreaterThan(0)
  })

  test('by its limits: values within values', async () => {
    const nested = (depth: number): Value =>
      create(ValueSchema, {
        value: {
          case: 'immediateValue',
          value: {
            value: { case: 'list', value: { values: depth === 0 ? [] : [nested(depth - 1)] } },
          },
        },
      })
    const host = await withModel((_, operations) => setValue(operations, nested(60)))
    await expect(readCoremlPackage(host, PACKAGE)).rejects.toMatchObject({ code: 'limit-exceeded' })
  })

  test('by its limits: a program that is larger than any', async () => {
    const host = await soundHost()
    const open: MemoryHost['open'] = async (path) => {
      const source = await host.open(path)
      return path.endsWith(MODEL_PATH) ? { ...source, sizeInBytes: 2 ** 33 } : source
    }
    // What follows the model's fields cannot be read, but need not be.
    const error: unknown = await readCoremlPackage({ ...host, open }, PACKAGE).catch(
      (e: unknown) => e,
    )
    expect(error).toBeInstanceOf(MixbitError)
  })
})

describe('a broken weight file is refused', () => {
  test.for<readonly [string, string, (view: DataView) => void, number?]>([
    ['truncated', 'that ends in its header', () => {}, 40],
    ['malformed', 'that ends in its last array', () => {}, 1100],
    ['malformed', 'that ends before its last blob', () => {}, 300],
    ['malformed', 'with another sentinel', (view) => view.setUint32(64, 1, true)],
    ['malformed', 'with another dtype', (view) => view.setUint32(68, 2, true)],
    ['malformed', 'with another size', (view) => view.setBigUint64(72, 126n, true)],
    ['malformed', 'with data in another blob', (view) => view.setBigUint64(80, 320n, true)],
    ['malformed', 'with data outside', (view) => view.setBigUint64(80, 2n ** 40n, true)],
    ['unsupported-version', 'of another version', (view) => view.setUint32(4, 3, true)],
  ])('%s: %s', async ([code, , change, length]) => {
    const host = await withWeights(change, length)
    await expect(readCoremlPackage(host, PACKAGE)).rejects.toMatchObject({ code })
    expect(failedChecks(await checkCoremlStructure(host, PACKAGE)).length).toBeGreaterThan(0)
  })

  test('when it is not there', async () => {
    const host = await soundHost()
    host.files.delete(`${PACKAGE}/${WEIGHTS_PATH}`)
    await expect(readCoremlPackage(host, PACKAGE)).rejects.toMatchObject({ code: 'not-found' })
  })
})
