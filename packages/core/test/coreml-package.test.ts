import { create, fromBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import type { CoremlForm } from '../src/formats/coreml/form-types.ts'
import { APART, coremlForms, specRange } from '../src/formats/coreml/forms.ts'
import { BlockSchema, ModelSchema } from '../src/formats/coreml/generated/coreml_pb.ts'
import type { Model, Operation } from '../src/formats/coreml/generated/coreml_pb.ts'
import { booleanValue, stringValue } from '../src/formats/coreml/make-values.ts'
import { partChunks } from '../src/formats/coreml/part-chunks.ts'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import type { CoremlModel } from '../src/formats/coreml/read-package.ts'
import { checkCoremlStructure } from '../src/formats/coreml/structure/check-structure.ts'
import type { StaticTensor } from '../src/formats/coreml/value-types.ts'
import { writeCoremlPackage } from '../src/formats/coreml/write-package.ts'
import { decode } from '../src/kernels/decode-encoding.ts'
import { parsePrecision, schemeFor } from '../src/scheme/precision.ts'
import type { Encoding } from '../src/scheme/encoding.ts'
import type { CoremlTarget } from '../src/targets/coreml-versions.ts'
import { anyEncoding } from './helpers/coreml-encoding.ts'
import {
  floatBytes,
  INT,
  MODEL_PATH,
  PACKAGE,
  testBlobs,
  testBuilder,
  testHost,
  WEIGHTS_PATH,
} from './helpers/coreml.ts'
import type { TestBlobs, TestBuilder, TestFunction } from './helpers/coreml.ts'
import { quantized } from './helpers/coreml-quantized.ts'
import { failedChecks } from './helpers/coreml-sound.ts'
import type { MemoryHost } from './helpers/memory-host.ts'

const OUT = 'out.mlpackage'

/** Two layers, a bias, and a constant of integers that is nobody's weight. */
async function smallHost(spec = 8, dtype: 'float16' | 'float32' = 'float16'): Promise<MemoryHost> {
  const blobs = testBlobs()
  const built = testBuilder(blobs)
  const row = (size: number) => ({ dtype, shape: [1, size] })
  built.weight('first', [24, 16], { dtype })
  built.weight('bias', [24], { dtype })
  built.op('linear', { x: 'x', weight: 'first', bias: 'bias' }, 'h', row(24))
  built.constant(
    'table',
    blobs.add(
      { dtype: 'uint8', shape: [12] },
      Uint8Array.from({ length: 12 }, (_, i) => i),
    ),
  )
  built.weight('second', [24, 8], { dtype })
  built.op('matmul', { x: 'h', y: 'second' }, 'y', row(8))
  built.body.outputs.push('y')
  return testHost({ main: { body: built.body, inputs: { x: row(16) } } }, blobs, spec)
}

type Written = {
  readonly host: MemoryHost
  readonly spec: number
  readonly forms: ReadonlyMap<string, CoremlForm>
  readonly encodings: ReadonlyMap<string, Encoding>
}

/** Gives weights the forms of `precisions` and made-up encodings. */
async function rewrite(
  host: MemoryHost,
  precisions: Readonly<Record<string, string>>,
  target: CoremlTarget | null = null,
  from = PACKAGE,
): Promise<Written> {
  const model = await readCoremlPackage(host, from)
  const { weights, spec, highestSpec } = model.document
  const layers = Object.entries(precisions).map(([name, precision]) => {
    const weight = weights.get(name)
    if (weight === undefined) throw new TypeError(`there is no ${name}`)
    const scheme = schemeFor(parsePrecision(precision), { ...weight, scaleDtype: weight.dtype })
    return { name, weight, scheme }
  })
  const found = coremlForms(layers, specRange(spec, target, highestSpec.spec))
  const forms = new Map<string, CoremlForm>()
  const encodings = new Map<string, Encoding>()
  for (const [i, { name }] of layers.entries()) {
    const form = found[i]
    if (form === undefined || form.kind === 'none') throw new TypeError(form?.reason)
    forms.set(name, form)
    encodings.set(name, anyEncoding(form, i + 1))
  }
  const replacements = new Map(
    [...forms].map(([name, form]) => {
      const encoding = encodings.get(name)
      if (encoding === undefined) throw new TypeError('there is one for each')
      return [name, { form, parts: () => partChunks(form, [encoding]) }]
    }),
  )
  const written = await writeCoremlPackage(host, { model, folder: OUT, replacements })
  await model.close()
  return { host, spec: written.spec, forms, encodings }
}

function modelAt(host: MemoryHost, folder: string): Model {
  return fromBinary(ModelSchema, host.files.get(`${folder}/${MODEL_PATH}`) ?? new Uint8Array())
}

function operationsOf(model: Model): readonly Operation[] {
  return (
    model.mlProgram?.functions.flatMap(({ value }) =>
      (value?.blockSpecializations ?? []).flatMap((block) => block.value?.operations ?? []),
    ) ?? []
  )
}

async function valuesIn({ document }: CoremlModel, name: string): Promise<Float32Array> {
  const weight = document.weights.get(name)
  if (weight === undefined) throw new TypeError(`there is no ${name}`)
  return weight.weight.readRows(0, weight.shape[0] ?? 1)
}

const FORMS = [
  'int8',
  'int8/tensor',
  'int8/asym',
  'int8/8',
  'int4/8',
  'int4/channel/asym',
  'palette1',
  'palette2',
  'palette3',
  'palette4',
  'palette6',
  'palette8',
  'palette4/g8',
  'palette2/g8x4',
  'palette4x2',
  'palette4/int8',
  'palette3/g4/int8',
  'palette4/scale',
  'palette2x2/int8/scale',
  'sparse50+int8',
  'sparse50+int4/4/asym',
  'sparse50+palette4',
  'sparse50+palette2/g4',
  'sparse50+palette4/int8',
] as const

describe('a package that is written', () => {
  test.for(FORMS)('with %s is read again as what was stored', async (precision) => {
    for (const dtype of ['float16', 'float32'] as const) {
      const { host, encodings } = await rewrite(await smallHost(8, dtype), {
        first: precision,
        second: precision,
      })
      expect(await checkCoremlStructure(host, OUT)).toSatisfy(
        (checks: readonly { status: string }[]) =>
          checks.every(({ status }) => status === 'passed'),
      )
      const model = await readCoremlPackage(host, OUT)
      for (const [name, encoding] of encodings) {
        const expected = decode(encoding)
        expect(await valuesIn(model, name)).toEqual(expected)
        const stored = await model.document.weights.get(name)?.stored.readEncoding()
        expect(stored?.kind).toBe(encoding.kind)
        if (stored !== undefined) expect(decode(stored)).toEqual(expected)
      }
    }
  })

  test.for([
    ['fp16', 'float32'],
    ['sparse50+fp16', 'float16'],
    ['sparse50+fp32', 'float32'],
  ] as const)('with %s of a %s weight is read again as well', async ([precision, dtype]) => {
    for (const spec of [6, 9]) {
      const { host, encodings } = await rewrite(await smallHost(spec, dtype), { first: precision })
      const model = await readCoremlPackage(host, OUT)
      const encoding = encodings.get('first')
      expect(await valuesIn(model, 'first')).toEqual(encoding && decode(encoding))
      expect(model.document.weights.get('first')?.dtype).toBe(dtype)
    }
  })

  test('gives any rows of a compressed weight', async () => {
    for (const precision of FORMS) {
      const { host, encodings } = await rewrite(await smallHost(), { first: precision })
      const { document } = await readCoremlPackage(host, OUT)
      const weight = document.weights.get('first')?.weight
      const whole = decode(encodings.get('first') ?? failed())
      for (const [start, end] of [
        [0, 1],
        [3, 9],
        [7, 24],
        [5, 5],
      ] as const) {
        expect(await weight?.readRows(start, end)).toEqual(whole.slice(start * 16, end * 16))
      }
      await expect(weight?.readRows(20, 25)).rejects.toThrow(RangeError)
    }
  })

  test('holds different forms side by side, and keeps everything else', async () => {
    const host = await smallHost()
    const before = await readCoremlPackage(host, PACKAGE)
    const bias = await valuesIn(before, 'bias')
    await rewrite(host, { first: 'int4/8', second: 'sparse50+palette4' })
    const after = await readCoremlPackage(host, OUT)
    expect(await valuesIn(after, 'bias')).toEqual(bias)
    const ops = operationsOf(modelAt(host, OUT)).map(
      ({ type, outputs }) => `${type} ${outputs[0]?.name}`,
    )
    expect(ops).toEqual([
      'constexpr_blockwise_shift_scale first',
      'const bias',
      'linear h',
      'const table',
      'constexpr_lut_to_sparse second_mask',
      'constexpr_sparse_to_dense second',
      'matmul y',
    ])
    const table = operationsOf(modelAt(host, OUT)).find(
      ({ outputs }) => outputs[0]?.name === 'table',
    )
    const value = table?.attributes.find(({ key }) => key === 'val')?.value?.value
    const offset = value?.case === 'blobFileValue' ? Number(value.value.offset) : -1
    const file = host.files.get(`${OUT}/${WEIGHTS_PATH}`)
    expect([...(file?.subarray(offset + 64, offset + 76) ?? [])]).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ])
  })

  test('is the same byte for byte when nothing is exchanged', async () => {
    for (const spec of [6, 7, 9]) {
      const host = await smallHost(spec)
      host.files.set(`${PACKAGE}/Data/com.apple.CoreML/notes.txt`, Uint8Array.of(1, 2, 3))
      await rewrite(host, {})
      const ofFolder = (folder: string): readonly (readonly [string, Uint8Array])[] =>
        [...host.files]
          .filter(([path]) => path.startsWith(`${folder}/`))
          .map(([path, bytes]) => [path.slice(folder.length), bytes] as const)
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
      expect(ofFolder(OUT)).toEqual(ofFolder(PACKAGE))
    }
  })

  test('is the same again when it is written once more', async () => {
    const { host } = await rewrite(await smallHost(), { first: 'palette4/int8', second: 'int8' })
    const once = host.files.get(`${OUT}/${WEIGHTS_PATH}`)
    const model = await readCoremlPackage(host, OUT)
    await writeCoremlPackage(host, { model, folder: 'again.mlpackage', replacements: new Map() })
    expect(host.files.get(`again.mlpackage/${WEIGHTS_PATH}`)).toEqual(once)
    expect(host.files.get(`again.mlpackage/${MODEL_PATH}`)).toEqual(
      host.files.get(`${OUT}/${MODEL_PATH}`),
    )
  })

  test('has scales of fewer than ten values in the program, and arrays of ten in the weight file', async () => {
    const { host } = await rewrite(await smallHost(), {
      second: 'int4/channel',
      first: 'int4/channel',
    })
    const [first, second] = operationsOf(modelAt(host, OUT)).filter(({ type }) =>
      type.startsWith('constexpr'),
    )
    const placeOf = (operation: Operation | undefined, key: string): string | undefined => {
      const binding = operation?.inputs.find((input) => input.key === key)?.value?.arguments[0]
        ?.binding
      return binding?.case === 'value' ? binding.value.value.case : undefined
    }
    expect(placeOf(first, 'scale')).toBe('blobFileValue')
    expect(placeOf(second, 'data')).toBe('blobFileValue')
    // Eight output channels.
    expect(placeOf(second, 'scale')).toBe('immediateValue')
  })

  test('has kept values of sparse weights in the weight file', async () => {
    for (const precision of ['sparse50+fp16', 'sparse50+int8', 'sparse50+palette4']) {
      const { host } = await rewrite(await smallHost(9), { first: precision })
      const places = operationsOf(modelAt(host, OUT)).flatMap(({ type, inputs }) =>
        type.startsWith('constexpr')
          ? inputs.flatMap(({ key, value }) => {
              const binding = value?.arguments[0]?.binding
              const isKept = key.endsWith('nonzero_data') && binding?.case === 'value'
              return isKept ? [binding.value.value.case] : []
            })
          : [],
      )
      expect(places).toEqual(['blobFileValue'])
    }
  })

  test('can be compressed again, and decompressed', async () => {
    const { host } = await rewrite(await smallHost(), {
      first: 'palette4/int8',
      second: 'sparse50+int8',
    })
    const again = await rewrite(host, { first: 'int4/8', second: 'fp16' }, null, OUT)
    const model = await readCoremlPackage(again.host, OUT)
    expect([...model.document.weights.values()].map(({ stored }) => stored.precision)).toEqual([
      'int4/8',
      'fp16',
      'fp16',
    ])
    // Nothing of the forms before is left.
    expect(operationsOf(modelAt(host, OUT)).map(({ type }) => type)).toEqual([
      'constexpr_blockwise_shift_scale',
      'const',
      'linear',
      'const',
      'const',
      'matmul',
    ])
  })
})

describe('specification versions', () => {
  test.for([
    [6, 'int8', null, 7],
    [6, 'palette4', null, 7],
    [6, 'int4/8', null, 9],
    [7, 'int8', 'coreml-ios18', 9],
    [8, 'int8', null, 8],
    [9, 'int8', 'coreml-ios16', 9],
  ] as const)('%d becomes what %s for %s needs', async ([from, precision, target, expected]) => {
    const { host, spec } = await rewrite(await smallHost(from), { first: precision }, target)
    expect(spec).toBe(expected)
    const model = modelAt(host, OUT)
    expect(model.specificationVersion).toBe(expected)
    const main = model.mlProgram?.functions[0]?.value
    expect(main?.opset).toBe(`CoreML${expected - 1}`)
    expect(main?.blockSpecializations.map(({ key }) => key)).toEqual([`CoreML${expected - 1}`])
  })

  test('raised to iOS 18, weights of iOS 16 get its operations with the same bytes', async () => {
    const { host, encodings } = await rewrite(await smallHost(7), {
      first: 'palette4',
      second: 'sparse50+fp16',
    })
    const again = await rewrite(host, {}, null, OUT)
    expect(again.spec).toBe(7)
    const model = await readCoremlPackage(host, OUT)
    await writeCoremlPackage(host, {
      model,
      folder: 'raised.mlpackage',
      replacements: new Map(),
      spec: 9,
    })
    const checks = await checkCoremlStructure(host, 'raised.mlpackage')
    expect(checks.filter(({ status }) => status === 'failed')).toEqual([])
    const raised = await readCoremlPackage(host, 'raised.mlpackage')
    for (const [name, encoding] of encodings) {
      expect(await valuesIn(raised, name)).toEqual(decode(encoding))
    }
    const lookUp = operationsOf(modelAt(host, 'raised.mlpackage')).find(
      ({ type }) => type === 'constexpr_lut_to_dense',
    )
    expect(lookUp?.inputs.map(({ key }) => key)).toEqual(['indices', 'lut'])
    expect(lookUp?.attributes.map(({ key }) => key)).toEqual(['name'])
  })

  test('operations that got parameters have them written out', async () => {
    const built = testBuilder()
    built.weight('table', [20, 16])
    built.constant('axis', INT(0))
    const int = { dtype: 'int32', shape: [4] } as const
    const rows = { dtype: 'float16', shape: [4, 16] } as const
    built.op('gather', { x: 'table', indices: 'ids', axis: 'axis' }, 'y', rows)
    built.body.outputs.push('y')
    const host = await testHost(
      { main: { body: built.body, inputs: { ids: int } } },
      built.blobs,
      6,
    )
    await rewrite(host, { table: 'int4/8' })
    const operations = operationsOf(modelAt(host, OUT))
    const gather = operations.find(({ type }) => type === 'gather')
    expect(gather?.inputs.map(({ key }) => key)).toEqual([
      'x',
      'indices',
      'axis',
      'batch_dims',
      'validate_indices',
    ])
    expect(operations.map(({ outputs }) => outputs[0]?.name)).toEqual([
      'table',
      'axis',
      'y_batch_dims',
      'y_validate_indices',
      'y',
    ])
  })

  test('what iOS 17 reads otherwise keeps a package where it is', async () => {
    const built = testBuilder()
    built.weight('table', [20, 16])
    built.constant('last', INT(-1))
    built.op('gather', { x: 'x', indices: 'last' }, 'row', { dtype: 'float16', shape: [4] })
    built.op('matmul', { x: 'x', y: 'table' }, 'y')
    built.body.outputs.push('y')
    const inputs = { x: { dtype: 'float16', shape: [1, 20] } } as const
    const host = await testHost({ main: { body: built.body, inputs } }, built.blobs, 7)
    const model = await readCoremlPackage(host, PACKAGE)
    expect(model.document.highestSpec).toEqual({
      spec: 7,
      reason: 'gather ("row") has negative indices, which iOS 17 does not count from the end',
    })
    await expect(
      writeCoremlPackage(host, { model, folder: OUT, replacements: new Map(), spec: 9 }),
    ).rejects.toMatchObject({ code: 'unsupported-scheme' })
  })
})

test('functions with an operator set of their own are raised only where a form needs it', async () => {
  const host = await heldFunctions(['CoreML6', 'CoreML7'])
  const { document } = await readCoremlPackage(host, PACKAGE)
  expect([document.spec, document.highestSpec.spec]).toEqual([8, 7])
  await rewrite(host, { wCoreML6: 'int8', wCoreML7: 'palette4' })
  const opsets = modelAt(host, OUT).mlProgram?.functions.map(({ value }) => value?.opset)
  expect(opsets).toEqual(['CoreML6', 'CoreML7'])
  await expect(rewrite(host, { wCoreML6: 'int4/8' })).rejects.toThrow('iOS 18 is the first system')
})

const HELD = 'gather ("row") has negative indices, which iOS 17 does not count from the end'

test.for([
  [['CoreML6', 'CoreML8'], HELD],
  [['CoreML5', 'CoreML9'], HELD],
  [['CoreML6', 'CoreML99'], 'the function "CoreML99" has the operator set "CoreML99"'],
  [['CoreML99'], 'the function "main" has the operator set "CoreML99"'],
] as const)(
  'what does not fit all functions of %o is not planned, and the plan is written',
  async ([opsets, why]) => {
    for (const target of [undefined, 'coreml-ios16', 'coreml-ios18'] as const) {
      const host = await heldFunctions(opsets)
      const settings = { precision: 'int8', protect: false, ...(target && { target }) }
      const { plan, written } = await quantized(host, settings)
      expect(plan.layers).toHaveLength(opsets.length)
      for (const { scheme, reasons } of plan.layers) {
        expect(scheme).toEqual({ kind: 'float', dtype: 'float16' })
        expect(reasons.join('; ')).toContain(`${APART}, and the program cannot be raised (${why}`)
      }
      expect(written.bytes).toBe(written.predictedBytes)
      const functions = modelAt(host, OUT).mlProgram?.functions
      expect(functions?.map(({ value }) => value?.opset)).toEqual(opsets)
    }
  },
)

test('a form that does not fit all functions is refused with the reason', async () => {
  const host = await heldFunctions(['CoreML6', 'CoreML8'])
  await expect(rewrite(host, { wCoreML8: 'int8' })).rejects.toThrow(APART)
})

/** A package with functions of which none that is older than iOS 17 can be raised to it. */
function heldFunctions(opsets: readonly string[]) {
  const blobs = testBlobs()
  const inputs = { x: { dtype: 'float16', shape: [1, 16] } } as const
  const functions = opsets.map((opset) => {
    const built = testBuilder(blobs)
    built.weight(`w${opset}`, [16, 16])
    built.constant('last', INT(-1))
    built.op('gather', { x: 'x', indices: 'last' }, 'row', { dtype: 'float16', shape: [16] })
    built.op('matmul', { x: 'x', y: `w${opset}` }, 'y', { dtype: 'float16', shape: [1, 16] })
    built.body.outputs.push('y')
    return [opsets.length === 1 ? 'main' : opset, { body: built.body, inputs, opset }] as const
  })
  return testHost(Object.fromEntries(functions), blobs, 8)
}

test('a weight of two functions stays one array', async () => {
  const blobs = testBlobs()
  const body = blobs.add(
    { dtype: 'float16', shape: [16, 16] },
    floatBytes(
      Array.from({ length: 256 }, (_, i) => i / 64),
      'float16',
    ),
  )
  const functions = ['first', 'second'].map((name) => {
    const built = testBuilder(blobs)
    built.constant('body', body)
    built.weight('head', [16, 16], { seed: name.length })
    built.op('matmul', { x: 'x', y: 'body' }, 'h', { dtype: 'float16', shape: [1, 16] })
    built.op('matmul', { x: 'h', y: 'head' }, 'y', { dtype: 'float16', shape: [1, 16] })
    built.body.outputs.push('y')
    return [
      name,
      { body: built.body, inputs: { x: { dtype: 'float16', shape: [1, 16] } } },
    ] as const
  })
  const host = await testHost(Object.fromEntries(functions), blobs, 9)
  const model = await readCoremlPackage(host, PACKAGE)
  expect([...model.document.weights.keys()]).toEqual(['body', 'head', 'second/head'])
  expect(model.document.weights.get('body')?.uses.map((use) => use.function)).toEqual([
    'first',
    'second',
  ])
  const { encodings } = await rewrite(host, { body: 'int8', 'second/head': 'palette4' })
  const after = await readCoremlPackage(host, OUT)
  expect([...after.document.weights.keys()]).toEqual(['body', 'head', 'second/head'])
  for (const [name, encoding] of encodings)
    expect(await valuesIn(after, name)).toEqual(decode(encoding))
  // body: data and scales; head; second head: indices and table.
  const file = host.files.get(`${OUT}/${WEIGHTS_PATH}`) ?? new Uint8Array(4)
  expect(file[0]).toBe(5)
})

function failed(): never {
  throw new TypeError('there is one')
}

/** A program whose weights are computed in float16, and one that is cast to float32. */
function castProgram(
  blobs: TestBlobs,
  name: string,
  cast: (built: TestBuilder, result: StaticTensor) => void,
): TestFunction {
  const built = testBuilder(blobs)
  const full = (...shape: readonly number[]): StaticTensor => ({ dtype: 'float32', shape })
  built.weight(`${name}_w`, [16, 16])
  built.op('matmul', { x: 'h', y: `${name}_w` }, 'z', { dtype: 'float16', shape: [1, 16] })
  cast(built, full(16, 16))
  built.op('linear', { x: 'x', weight: 'cast' }, 'y', full(1, 16))
  built.body.outputs.push('y', 'z')
  return { body: built.body, inputs: { x: full(1, 16), h: { dtype: 'float16', shape: [1, 16] } } }
}

test('a weight that two functions write in two styles has the newer one in both', async () => {
  const blobs = testBlobs()
  const value = blobs.add({ dtype: 'float16', shape: [16, 16] }, new Uint8Array(512).fill(0x3c))
  const parameters = { source_val: value, output_dtype: stringValue('fp32') }
  const newer = castProgram(blobs, 'newer', (built, result) => {
    built.op('constexpr_cast', parameters, 'cast', result)
  })
  const older = castProgram(blobs, 'older', (built, result) => {
    built.attributes('constexpr_cast', parameters, 'cast', result)
  })
  const functions = {
    newer: { ...newer, opset: 'CoreML8' },
    older: { ...older, opset: 'CoreML6' },
  }
  const host = await testHost(functions, blobs, 9)
  await rewrite(host, { newer_w: 'int4/8' })
  const casts = operationsOf(modelAt(host, OUT)).filter(({ type }) => type === 'constexpr_cast')
  expect(casts.map(({ inputs }) => inputs.length)).toEqual([2, 2])
  expect(failedChecks(await checkCoremlStructure(host, OUT))).toEqual([])
})

test('weights that begin at one blob are written in the order in which they are asked for', async () => {
  const blobs = testBlobs()
  const value = blobs.add({ dtype: 'float16', shape: [16, 16] }, new Uint8Array(512).fill(0x3c))
  const main = castProgram(blobs, 'other', (built, result) => {
    built.constant('plain', value)
    built.op('matmul', { x: 'h', y: 'plain' }, 'p', { dtype: 'float16', shape: [1, 16] })
    const parameters = { source_val: value, output_dtype: stringValue('fp32') }
    built.attributes('constexpr_cast', parameters, 'cast', result)
  })
  const host = await testHost({ main }, blobs, 7)
  await quantized(host, { precision: 'int4/8', protect: false })
  const after = await readCoremlPackage(host, OUT)
  const stored = [...after.document.weights].map(([name, weight]) => [
    name,
    weight.stored.precision,
  ])
  expect(stored).toEqual([
    ['other_w', 'int4/8'],
    ['plain', 'int4/8'],
    ['cast', 'int4/8'],
  ])
})

test('weights of blocks inside operations are exchanged where they stand', async () => {
  const blobs = testBlobs()
  const built = testBuilder(blobs)
  const row: StaticTensor = { dtype: 'float16', shape: [1, 16] }
  built.weight('outer', [16, 16])
  const branches = ['then', 'else'].map((name) => {
    const branch = testBuilder(blobs)
    branch.weight(`${name}_w`, [16, 16], { seed: name.length })
    branch.op('linear', { x: 'x', weight: `${name}_w` }, `${name}_h`, row)
    branch.op('matmul', { x: `${name}_h`, y: 'outer' }, `${name}_y`, row)
    return create(BlockSchema, { operations: branch.body.operations, outputs: [`${name}_y`] })
  })
  built.op('cond', { pred: booleanValue(true) }, 'y', row)
  built.body.operations.at(-1)?.blocks.push(...branches)
  built.body.outputs.push('y')
  const sound = await testHost({ main: { body: built.body, inputs: { x: row } } }, blobs, 7)
  const { host, encodings } = await rewrite(sound, { outer: 'int4/8', then_w: 'palette4/int8' })
  const after = await readCoremlPackage(host, OUT)
  for (const [name, encoding] of encodings)
    expect(await valuesIn(after, name)).toEqual(decode(encoding))
  const [, cond] = operationsOf(modelAt(host, OUT))
  expect(cond?.blocks.map((block) => block.operations.map(({ type }) => type))).toEqual([
    ['constexpr_blockwise_shift_scale', 'constexpr_lut_to_dense', 'linear', 'matmul'],
    ['const', 'linear', 'matmul'],
  ])
  expect(await checkCoremlStructure(host, OUT)).toEqual(await checkCoremlStructure(sound, PACKAGE))
})
