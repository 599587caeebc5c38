import { describe, expect, test } from 'vitest'
import type { Model, Operation } from '../src/formats/coreml/generated/coreml_pb.ts'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import { checkCoremlStructure } from '../src/formats/coreml/structure/check-structure.ts'
import { STRUCTURE_CHECKS } from '../src/formats/coreml/structure/structure-check.ts'
import { blobValue } from '../src/formats/coreml/make-values.ts'
import { PACKAGE, WEIGHTS_NAME, WEIGHTS_PATH, intsValue } from './helpers/coreml.ts'
import {
  failedChecks,
  functionOf,
  half,
  operation,
  rename,
  setType,
  setValue,
  soundHost,
  sure,
  withModel,
  withWeights,
} from './helpers/coreml-sound.ts'

test('the sound package passes every check', async () => {
  const checks = await checkCoremlStructure(await soundHost(), PACKAGE)
  expect(checks.map(({ name }) => name)).toEqual(STRUCTURE_CHECKS)
  expect(failedChecks(checks)).toEqual([])
})

describe('checks see what reading does not ask', () => {
  test.for<readonly [string, string, (model: Model, operations: Operation[]) => void]>([
    [
      'operators',
      'an unknown operator',
      (_, operations) => void (operation(operations, 'h').type = 'lineal'),
    ],
    ['operators', 'an unknown parameter', (_, operations) => rename(operations, 'h', 'x', 'z')],
    [
      'operators',
      'a missing parameter',
      (_, operations) => void operation(operations, 'h').inputs.splice(1, 1),
    ],
    [
      'operators',
      'an attribute of an ordinary operation',
      (_, operations) =>
        void operation(operations, 'h').attributes.push({
          ...sure(operation(operations, 'h').attributes[0]),
          key: 'x2',
        }),
    ],
    [
      'operators',
      'an operator that came later',
      (model) => {
        functionOf(model).opset = 'CoreML7'
        sure(functionOf(model).blockSpecializations[0]).key = 'CoreML7'
      },
    ],
    [
      'operators',
      'a version that is too low for the operators',
      (model) => void (model.specificationVersion = 8),
    ],
    [
      'names',
      'two values of one name',
      (_, operations) =>
        void operation(operations, 'h2').outputs.push(...operation(operations, 'h').outputs),
    ],
    [
      'names',
      'a name that is no identifier',
      (_, operations) => {
        sure(operation(operations, 'first').outputs[0]).name = '1/first'
        const weight = operation(operations, 'h').inputs.find(({ key }) => key === 'weight')
        sure(sure(weight).value?.arguments[0]).binding = { case: 'name', value: '1/first' }
      },
    ],
    [
      'types',
      'a wrong type of a linear layer',
      (_, operations) => setType(operations, 'h', [1, 17]),
    ],
    ['types', 'a product that cannot be', (_, operations) => setType(operations, 'h3', [1, 15])],
    [
      'constants',
      'a wrong type of a constant',
      (_, operations) => setType(operations, 'first', [4, 16]),
    ],
    [
      'constants',
      'a wrong type of scaled integers',
      (_, operations) => setType(operations, 'second', [16, 15]),
    ],
    [
      'constants',
      'a wrong type of a palette',
      (_, operations) => setType(operations, 'third', [8, 32]),
    ],
    [
      'constants',
      'a wrong type of a sparse weight',
      (_, operations) => setType(operations, 'fourth', [4, 16]),
    ],
    [
      'description',
      'another name of an output',
      (model) => void (sure(model.description?.output[0]).name = 'z'),
    ],
    [
      'description',
      'another shape of an input',
      (model) => void (sure(model.description?.input[0]?.type?.multiArrayType).shape = [1n, 5n]),
    ],
    [
      'description',
      'another dtype of an output',
      (model) => void (sure(model.description?.output[0]?.type?.multiArrayType).dataType = 65568),
    ],
    ['description', 'an input less', (model) => void model.description?.input.pop()],
  ])('%s: %s', async ([name, , change]) => {
    const checks = await checkCoremlStructure(await withModel(change), PACKAGE)
    expect(failedChecks(checks)).toContain(name)
  })

  test('a wrong count of blobs', async () => {
    const host = await withWeights((view) => view.setUint32(0, 6, true))
    const checks = await checkCoremlStructure(host, PACKAGE)
    expect(failedChecks(checks)).toEqual(['blob count'])
    expect(checks.find(({ name }) => name === 'blob count')?.message).toBe(
      `"${WEIGHTS_PATH}" says that it has 6 blobs, and has 7.`,
    )
  })

  test('padding that is no padding', async () => {
    const { document } = await readCoremlPackage(await soundHost(), PACKAGE)
    const mask = document.sites.get('fourth')?.chain.inputs.get('mask')
    const offset = mask?.kind === 'value' ? (mask.array?.place?.offset ?? 0) : 0
    const broken = await withWeights((view) => view.setBigUint64(offset + 24, 4n, true))
    const checks = await checkCoremlStructure(broken, PACKAGE)
    expect(failedChecks(checks)).toContain('blobs')
    const { message } = sure(checks.find(({ name }) => name === 'blobs'))
    expect(message).toMatch(/^"fourth\.mask": the blob at byte \d+ of /u)
  })

  test('a value that does not fit its blob, by its name', async () => {
    const host = await withModel((_, operations) =>
      setValue(operations, blobValue(half([16, 5]), WEIGHTS_NAME, 64)),
    )
    const checks = await checkCoremlStructure(host, PACKAGE)
    expect(sure(checks.find(({ name }) => name === 'blobs')).message).toMatch(
      /^"first" is float16 \[16, 5\], 160 bytes, but the blob/u,
    )
  })

  test('a mask that keeps another number of values', async () => {
    const { document } = await readCoremlPackage(await soundHost(), PACKAGE)
    const mask = document.sites.get('fourth')?.chain.inputs.get('mask')
    const offset = mask?.kind === 'value' ? (mask.array?.place?.offset ?? 0) : 0
    const broken = await withWeights((view) => view.setUint8(offset + 64, 0x13))
    expect(failedChecks(await checkCoremlStructure(broken, PACKAGE))).toEqual(['constants'])
    const read = await readCoremlPackage(broken, PACKAGE)
    await expect(read.document.weights.get('fourth')?.weight.readRows(0, 16)).rejects.toMatchObject(
      {
        code: 'malformed',
      },
    )
  })
})

test('squeeze takes out axes of length 1 only, whatever it names', async () => {
  const host = await withModel((_, operations) => {
    const squeeze = operation(operations, 'h3')
    squeeze.type = 'squeeze'
    rename(operations, 'h3', 'y', 'axes')
    const binding = squeeze.inputs.find(({ key }) => key === 'axes')?.value?.arguments[0]
    sure(binding).binding = { case: 'value', value: intsValue([1]) }
  })
  expect(failedChecks(await checkCoremlStructure(host, PACKAGE))).not.toContain('types')
})

describe('operators whose types no rule tells', () => {
  const typesOf = async (change: (model: Model, operations: Operation[]) => void) => {
    const checks = await checkCoremlStructure(await withModel(change), PACKAGE)
    return checks.find(({ name }) => name === 'types')
  }

  test('nothing is said where there are none', async () => {
    expect(await typesOf(() => undefined)).toMatchObject({ status: 'passed', message: null })
  })

  test('some are counted by their types', async () => {
    const check = await typesOf((_, operations) => {
      operation(operations, 'h').type = 'rnn'
      operation(operations, 'h2').type = 'rnn'
    })
    expect(check).toMatchObject({
      status: 'passed',
      message: 'Checked 2 of 4 operations; nothing known tells what these give: rnn (2).',
    })
  })

  test('with none that could be checked it is skipped, not passed', async () => {
    const check = await typesOf((_, operations) => {
      for (const name of ['h', 'h2', 'h3', 'y']) operation(operations, name).type = 'einsum'
    })
    expect(check).toMatchObject({ status: 'skipped' })
    expect(check?.message).toMatch(/^Checked 0 of 4 operations/u)
  })
})
