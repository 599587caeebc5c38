import {
  create,
  fromBinary,
  toBinary,
  type Message,
  type MessageInitShape,
} from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { memorySource, type ByteSource } from '../../base/bytes.ts'
import { MixbitError } from '../../base/error.ts'
import type { OnnxDocument } from './document.ts'
import {
  AttributeProto_AttributeType,
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from './generated/onnx_pb.ts'
import { initializer, readOnnx } from './read-onnx.ts'

const T = TensorProto_DataType
/** Leaves out the shape that the whole-message type allows. */
type Tensor = Exclude<MessageInitShape<typeof TensorProtoSchema>, Message>

/** 600 floats: above the size that stays in the message. */
const LARGE = Float32Array.from({ length: 600 }, (_, i) => i / 8 - 30)
const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

const external = (location: string, rest: Readonly<Record<string, string>> = {}): Tensor => ({
  dataLocation: TensorProto_DataLocation.EXTERNAL,
  externalData: Object.entries({ location, ...rest }).map(([key, value]) => ({ key, value })),
})

/** Field 999, unknown to the schema, with payload "?!". */
const UNKNOWN = [{ no: 999, wireType: 2, data: Uint8Array.from([2, 0x3f, 0x21]) }]

function modelBytes(...initializers: readonly Tensor[]): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    producerName: 'test',
    opsetImport: [{ domain: '', version: 21n }],
    graph: {
      name: 'g',
      node: [
        { opType: 'MatMul', input: ['x', 'large'], output: ['y'] },
        {
          opType: 'If',
          input: ['c'],
          output: ['z'],
          attribute: [
            {
              name: 'then_branch',
              type: AttributeProto_AttributeType.GRAPH,
              g: {
                name: 'then',
                initializer: [{ name: 'k', dataType: T.INT64, dims: [1n], int64Data: [-5n] }],
              },
            },
          ],
        },
      ],
      initializer: initializers.map((tensor) => create(TensorProtoSchema, tensor)),
      input: [{ name: 'x' }],
      output: [{ name: 'y' }],
    },
    functions: [{ name: 'f', domain: 'd', node: [{ opType: 'Relu' }] }],
  })
  model.$unknown = UNKNOWN
  if (model.graph !== undefined) model.graph.$unknown = UNKNOWN
  return toBinary(ModelProtoSchema, model)
}

const LARGE_TENSOR: Tensor = {
  name: 'large',
  dataType: T.FLOAT,
  dims: [20n, 30n],
  rawData: bytesOf(LARGE),
}

type Files = Readonly<Record<string, Uint8Array>>

function read(bytes: Uint8Array, files: Files = {}): Promise<OnnxDocument> {
  return readOnnx(memorySource('model.onnx', bytes), {
    openExternal: (path) => {
      const file = files[path]
      return file === undefined
        ? Promise.reject(new MixbitError('not-found', `No file ${path}`))
        : Promise.resolve(memorySource(path, file))
    },
  })
}

async function rowsOf(document: OnnxDocument, name: string, start: number, end: number) {
  const tensor = initializer(document, name)
  if (tensor === undefined) throw new TypeError(`No initializer ${name}`)
  return tensor.readRows(start, end)
}

async function storedOf(document: OnnxDocument, name: string, start: number, end: number) {
  const tensor = initializer(document, name)
  if (tensor === undefined) throw new TypeError(`No initializer ${name}`)
  return [...(await tensor.readStoredRows(start, end))]
}

describe('readOnnx', () => {
  test('makes a large initializer lazy and keeps the rest', async () => {
    const document = await read(modelBytes(LARGE_TENSOR))
    const tensor = document.model.graph?.initializer[0]
    expect(tensor).toMatchObject({ name: 'large', dims: [20n, 30n], dataType: T.FLOAT })
    expect(tensor?.rawData).toHaveLength(0)
    expect([...document.weights.keys()]).toEqual(['large'])
    expect(await rowsOf(document, 'large', 3, 5)).toEqual(LARGE.slice(90, 150))
    expect(document.model.graph?.node[1]?.attribute[0]?.g?.initializer[0]?.int64Data).toEqual([-5n])
  })

  test('a document with its bytes put back is the file, unknown fields included', async () => {
    const bytes = modelBytes(
      LARGE_TENSOR,
      { name: 'small', dataType: T.FLOAT, dims: [1n], floatData: [2.5] },
      {
        name: 'words',
        dataType: T.STRING,
        dims: [2n],
        stringData: [bytesOf(LARGE), Uint8Array.of(1, 2)],
      },
      { name: 'typed', dataType: T.FLOAT, dims: [600n], floatData: [...LARGE] },
    )
    const document = await read(bytes)
    for (const tensor of document.model.graph?.initializer ?? []) {
      if (tensor.name === 'large') tensor.rawData = bytesOf(await rowsOf(document, 'large', 0, 20))
      if (tensor.name === 'typed') tensor.floatData = [...(await rowsOf(document, 'typed', 0, 600))]
    }
    expect(toBinary(ModelProtoSchema, document.model)).toEqual(bytes)
  })

  test('reads bytes only where they are needed', async () => {
    const bytes = modelBytes({
      ...LARGE_TENSOR,
      dims: [600_000n],
      rawData: new Uint8Array(2_400_000),
    })
    const inner = memorySource('model.onnx', bytes)
    let total = 0
    const source: ByteSource = {
      ...inner,
      read: (offset, length) => {
        total += length
        return inner.read(offset, length)
      },
    }
    await readOnnx(source, { openExternal: () => Promise.reject(new TypeError('none')) })
    expect(total).toBeLessThan(200_000)
  })

  test('decodes half floats and bfloat16', async () => {
    const halves = Uint16Array.from({ length: 600 }, () => 0x3e00) // 1.5
    const document = await read(
      modelBytes(
        { name: 'h', dataType: T.FLOAT16, dims: [600n], rawData: bytesOf(halves) },
        { name: 'i', dataType: T.FLOAT16, dims: [600n], int32Data: [...halves] },
        {
          name: 'b',
          dataType: T.BFLOAT16,
          dims: [2n],
          rawData: Uint8Array.from([0xc0, 0x3f, 0, 0x80]),
        },
      ),
    )
    expect(await rowsOf(document, 'h', 599, 600)).toEqual(Float32Array.of(1.5))
    expect(await rowsOf(document, 'i', 599, 600)).toEqual(Float32Array.of(1.5))
    expect(await rowsOf(document, 'b', 0, 2)).toEqual(Float32Array.of(1.5, -0))
  })

  test('gives integers as stored bytes only', async () => {
    const codes = Int8Array.from({ length: 1200 }, (_, i) => (i % 255) - 127)
    const document = await read(
      modelBytes(
        { name: 'raw', dataType: T.INT8, dims: [3n, 400n], rawData: bytesOf(codes) },
        { name: 'varints', dataType: T.INT8, dims: [3n, 400n], int32Data: [...codes] },
        {
          name: 'longs',
          dataType: T.INT64,
          dims: [600n],
          int64Data: Array.from({ length: 600 }, (_, i) => BigInt(i) - 2n ** 62n),
        },
        { name: 'few', dataType: T.INT64, dims: [1n], int64Data: [-2n] },
      ),
    )
    const last = [...bytesOf(codes.slice(800))]
    for (const name of ['raw', 'varints']) {
      expect(await storedOf(document, name, 2, 3)).toEqual(last)
      expect(await storedOf(document, name, 0, 1)).toEqual([...bytesOf(codes.slice(0, 400))])
      await expect(rowsOf(document, name, 0, 1)).rejects.toMatchObject({
        code: 'unsupported-dtype',
      })
    }
    expect(await storedOf(document, 'longs', 7, 8)).toEqual([
      ...bytesOf(BigInt64Array.of(7n - 2n ** 62n)),
    ])
    expect(await storedOf(document, 'few', 0, 1)).toEqual([
      0xfe,
      ...Array.from({ length: 7 }, () => 0xff),
    ])
  })

  test('gives rows of 4-bit values that start inside a byte', async () => {
    // 3 rows of 3 nibbles: 1 2 3 | 4 5 6 | 7 8 9, first value in the low nibble.
    const rawData = Uint8Array.from([0x21, 0x43, 0x65, 0x87, 0x09])
    const document = await read(
      modelBytes({ name: 'q', dataType: T.UINT4, dims: [3n, 3n], rawData }),
    )
    expect(await storedOf(document, 'q', 0, 1)).toEqual([0x21, 0x03])
    expect(await storedOf(document, 'q', 1, 2)).toEqual([0x54, 0x06])
    expect(await storedOf(document, 'q', 1, 3)).toEqual([0x54, 0x76, 0x98])
  })

  test('reads external data, shared files opened once', async () => {
    const data = new Uint8Array(3000)
    data.set(bytesOf(LARGE), 512)
    const opened: string[] = []
    const bytes = modelBytes(
      {
        name: 'large',
        dataType: T.FLOAT,
        dims: [20n, 30n],
        ...external('./sub//w.bin', { offset: '512', length: '2400' }),
      },
      { name: 'tail', dataType: T.FLOAT, dims: [1n], ...external('sub/w.bin', { offset: '512' }) },
      { name: 'none', dataType: T.FLOAT, dims: [0n], ...external('sub/w.bin', { offset: '3000' }) },
    )
    const document = await readOnnx(memorySource('model.onnx', bytes), {
      openExternal: (path) => {
        opened.push(path)
        return Promise.resolve(memorySource(path, data))
      },
    })
    expect(opened).toEqual(['sub/w.bin'])
    expect(await rowsOf(document, 'large', 0, 20)).toEqual(LARGE)
    expect(await rowsOf(document, 'tail', 0, 1)).toEqual(LARGE.slice(0, 1))
    expect(await rowsOf(document, 'none', 0, 0)).toEqual(new Float32Array())
    expect(document.model.graph?.initializer[0]?.externalData).toEqual([])
  })

  test('takes external constants of nodes into the message', async () => {
    const model = fromBinary(ModelProtoSchema, modelBytes())
    const branch = model.graph?.node[1]?.attribute[0]?.g
    branch?.initializer.push(
      create(TensorProtoSchema, {
        name: 'c',
        dataType: T.FLOAT,
        dims: [600n],
        ...external('w.bin'),
      }),
    )
    const document = await read(toBinary(ModelProtoSchema, model), { 'w.bin': bytesOf(LARGE) })
    const constant = document.model.graph?.node[1]?.attribute[0]?.g?.initializer[1]
    expect(constant?.rawData).toEqual(bytesOf(LARGE))
    expect(constant?.externalData).toEqual([])
  })
})

describe('hostile files', () => {
  const at = (location: string, rest: Readonly<Record<string, string>> = {}): Tensor => ({
    name: 'w',
    dataType: T.FLOAT,
    dims: [600n],
    ...external(location, rest),
  })
  const raw = (fields: Tensor): Tensor => ({ name: 'w', dataType: T.FLOAT, ...fields })
  const file = bytesOf(LARGE)

  test.for<{ name: string; tensors: readonly Tensor[]; code: string }>([
    { name: 'a parent folder', tensors: [at('../w.bin')], code: 'path-outside' },
    { name: 'a parent folder further in', tensors: [at('a/../../w.bin')], code: 'path-outside' },
    { name: 'an absolute path', tensors: [at('/etc/passwd')], code: 'path-outside' },
    { name: 'a Windows drive', tensors: [at('C:w.bin')], code: 'path-outside' },
    { name: 'a backslash', tensors: [at('..\\w.bin')], code: 'path-outside' },
    { name: 'a NUL', tensors: [at('w.bin\0')], code: 'path-outside' },
    { name: 'a folder itself', tensors: [at('./')], code: 'path-outside' },
    { name: 'no location', tensors: [at('')], code: 'external-data' },
    { name: 'a file that is not there', tensors: [at('v.bin')], code: 'not-found' },
    {
      name: 'a range behind the file',
      tensors: [at('w.bin', { offset: '1' })],
      code: 'external-data',
    },
    {
      name: 'a huge offset',
      tensors: [at('w.bin', { offset: '9007199254740991' })],
      code: 'external-data',
    },
    {
      name: 'an offset beyond 2^53',
      tensors: [at('w.bin', { offset: '9007199254740993' })],
      code: 'external-data',
    },
    { name: 'a negative offset', tensors: [at('w.bin', { offset: '-4' })], code: 'external-data' },
    {
      name: 'an offset in words',
      tensors: [at('w.bin', { offset: '1e2' })],
      code: 'external-data',
    },
    { name: 'a wrong length', tensors: [at('w.bin', { length: '2396' })], code: 'wrong-shape' },
    {
      name: 'two locations',
      tensors: [
        {
          ...at('w.bin'),
          externalData: [
            { key: 'location', value: 'w.bin' },
            { key: 'location', value: 'x' },
          ],
        },
      ],
      code: 'external-data',
    },
    {
      name: 'external and inside',
      tensors: [{ ...at('w.bin'), rawData: file }],
      code: 'malformed',
    },
    {
      name: 'an external type we do not know',
      tensors: [{ ...at('w.bin'), dataType: 17 }],
      code: 'unsupported-dtype',
    },
    { name: 'no data type', tensors: [raw({ dataType: 0, rawData: file })], code: 'malformed' },
    { name: 'too few bytes', tensors: [raw({ dims: [601n], rawData: file })], code: 'wrong-shape' },
    {
      name: 'too few small bytes',
      tensors: [raw({ dims: [3n], rawData: new Uint8Array(8) })],
      code: 'wrong-shape',
    },
    {
      name: 'too many varints',
      tensors: [
        raw({ dataType: T.INT8, dims: [1199n], int32Data: Array.from({ length: 1200 }, () => 1) }),
      ],
      code: 'wrong-shape',
    },
    { name: 'no values', tensors: [raw({ dims: [3n] })], code: 'wrong-shape' },
    {
      name: 'values in a field of another type',
      tensors: [raw({ dims: [1n], int64Data: [1n] })],
      code: 'malformed',
    },
    {
      name: 'large values in a field of another type',
      tensors: [raw({ dims: [2000n], int32Data: Array.from({ length: 2000 }, () => 1) })],
      code: 'malformed',
    },
    {
      name: 'values twice',
      tensors: [raw({ dims: [1n], floatData: [1], rawData: new Uint8Array(4) })],
      code: 'malformed',
    },
    {
      name: 'a negative dimension',
      tensors: [raw({ dims: [-1n], rawData: file })],
      code: 'limit-exceeded',
    },
    {
      name: 'a huge dimension',
      tensors: [raw({ dims: [2n ** 62n], rawData: file })],
      code: 'limit-exceeded',
    },
    {
      name: 'a huge product',
      tensors: [raw({ dims: [2n ** 30n, 2n ** 30n], rawData: file })],
      code: 'limit-exceeded',
    },
    {
      name: 'many axes',
      tensors: [raw({ dims: Array.from({ length: 99 }, () => 1n), rawData: file })],
      code: 'limit-exceeded',
    },
    {
      name: 'two of one name',
      tensors: [raw({ dims: [600n], rawData: file }), raw({ dims: [600n], rawData: file })],
      code: 'malformed',
    },
    {
      name: 'no name',
      tensors: [raw({ name: '', dims: [600n], rawData: file })],
      code: 'malformed',
    },
  ])('refuses $name as $code', async ({ tensors, code }) => {
    await expect(read(modelBytes(...tensors), { 'w.bin': file })).rejects.toMatchObject({ code })
  })

  test('closes external files when reading fails', async () => {
    let closed = 0
    const bytes = modelBytes(at('w.bin'), raw({ name: 'v', dims: [-1n] }))
    const reading = readOnnx(memorySource('model.onnx', bytes), {
      openExternal: (path) =>
        Promise.resolve({
          ...memorySource(path, file),
          close: () => {
            closed++
            return Promise.resolve()
          },
        }),
    })
    await expect(reading).rejects.toMatchObject({ code: 'limit-exceeded' })
    expect(closed).toBe(1)
  })

  test('refuses graphs nested deeper than the library can read', async () => {
    let bytes: Uint8Array = Uint8Array.from([0x12, 1, 0x67])
    const wrap = (field: number, inner: Uint8Array): Uint8Array => {
      const length = inner.length
      return Uint8Array.from([
        field * 8 + 2,
        (length % 128) + 128,
        Math.floor(length / 128),
        ...inner,
      ])
    }
    for (let level = 0; level < 40; level++) bytes = wrap(1, wrap(5, wrap(6, bytes)))
    await expect(read(wrap(7, bytes))).rejects.toMatchObject({ code: 'limit-exceeded' })
  })

  test('a file cut anywhere is reported as truncated or malformed, never misread', async () => {
    const model = create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [{ domain: '', version: 21n }],
      graph: { name: 'g', initializer: [create(TensorProtoSchema, LARGE_TENSOR)] },
    })
    const bytes = toBinary(ModelProtoSchema, model)
    await read(bytes)
    for (let length = 0; length < bytes.length; length++) {
      await expect(read(bytes.subarray(0, length)), `${length} bytes`).rejects.toSatisfy(
        (error) => error instanceof MixbitError && ['truncated', 'malformed'].includes(error.code),
      )
    }
  })

  test('a damaged file is read with consistent sizes or refused with a code', async () => {
    const good = modelBytes(
      { ...LARGE_TENSOR, dims: [10n, 30n], rawData: bytesOf(LARGE.slice(0, 300)) },
      {
        name: 'e',
        dataType: T.FLOAT,
        dims: [600n],
        ...external('w.bin', { offset: '0', length: '2400' }),
      },
      {
        name: 'v',
        dataType: T.UINT8,
        dims: [1500n],
        int32Data: Array.from({ length: 1500 }, (_, i) => i % 200),
      },
      { name: 's', dataType: T.INT64, dims: [1n], int64Data: [3n] },
    )
    // Most bytes are values: mutations go to the rest, where the meaning is.
    const places = Array.from(good.keys()).filter(
      (i) => i < 420 || i > good.length - 420 || (i > 1500 && i < 1900),
    )
    const mutation = fc.tuple(
      fc.constantFrom(...places),
      fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)),
    )
    const damaged = fc.record({
      changes: fc.array(mutation, { minLength: 1, maxLength: 4 }),
      cut: fc.option(fc.integer({ min: 0, max: good.length }), { freq: 8 }),
      fileSize: fc.option(fc.integer({ min: 0, max: 2400 }), { freq: 8 }),
    })
    await fc.assert(
      fc.asyncProperty(damaged, async ({ changes, cut, fileSize }) => {
        const bytes = good.slice(0, cut ?? good.length)
        for (const [place, value] of changes) if (place < bytes.length) bytes[place] = value
        try {
          const document = await read(bytes, { 'w.bin': file.subarray(0, fileSize ?? 2400) })
          for (const weight of document.weights.values()) {
            const rows = await storedOf(document, weight.name, 0, Math.min(1, weight.shape[0] ?? 1))
            expect(rows.length).toBeLessThanOrEqual(good.length + 2400)
          }
        } catch (error) {
          if (!(error instanceof MixbitError)) throw error
        }
      }),
      { numRuns: 5000 },
    )
  })
})
