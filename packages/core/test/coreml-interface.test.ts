import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import {
  ArrayFeatureTypeSchema,
  FeatureDescriptionSchema,
  FeatureTypeSchema,
  ModelDescriptionSchema,
  ModelSchema,
} from '../src/formats/coreml/generated/coreml_pb.ts'
import type { FeatureDescription, FeatureType } from '../src/formats/coreml/generated/coreml_pb.ts'
import { packageInterface } from '../src/formats/coreml/package-interface.ts'
import type { PackageInterface } from '../src/formats/coreml/package-interface.ts'

const FLOAT16 = 65552

/** A field of a message as protobuf writes it: tag, then a varint, or a length and bytes. */
function field(number: number, value: number | string | readonly number[]): readonly number[] {
  if (typeof value === 'number') return [...varint(number * 8), ...varint(value)]
  const bytes = typeof value === 'string' ? [...new TextEncoder().encode(value)] : value
  return [...varint(number * 8 + 2), ...varint(bytes.length), ...bytes]
}

function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}

function feature(name: string, bytes: readonly number[]): FeatureDescription {
  const type: FeatureType = fromBinary(FeatureTypeSchema, Uint8Array.from(bytes))
  return create(FeatureDescriptionSchema, { name, type })
}

/** What is told of a model with these inputs, and more bytes in its description. */
function told(input: FeatureDescription[], metadata: readonly number[] = []): PackageInterface {
  const description = toBinary(ModelDescriptionSchema, create(ModelDescriptionSchema, { input }))
  const bytes = Uint8Array.from([...description, ...metadata])
  const model = create(ModelSchema, {
    specificationVersion: 8,
    description: fromBinary(ModelDescriptionSchema, bytes),
  })
  return packageInterface(model, { definitions: [], operations: [] })
}

const inputsOf = (...input: FeatureDescription[]) => told(input).functions[0]?.inputs

test('a package tells its version and the systems that read it', () => {
  expect(told([])).toMatchObject({
    specificationVersion: 8,
    systems: 'iOS 17 or macOS 14',
    functions: [{ name: 'main', isDefault: true, inputs: [], outputs: [], states: [] }],
    metadata: { author: null, shortDescription: null, version: null, license: null },
  })
})

test('what its author says of a package is told, of the keys only the names', () => {
  const entry = (key: string) => field(100, [...field(1, key), ...field(2, 'secret')])
  const author = [
    ...field(1, 'Finds edges.'),
    ...field(2, '1.2'),
    ...field(3, 'Jörg'),
    ...field(4, ''),
    ...entry('trained.on'),
    ...entry('epochs'),
  ]
  expect(told([], field(100, author)).metadata).toEqual({
    author: 'Jörg',
    shortDescription: 'Finds edges.',
    version: '1.2',
    license: null,
    userDefined: ['trained.on', 'epochs'],
  })
})

test('damage in what an author says stops nothing', () => {
  const cut = [...field(3, 'Jane'), 0x0a, 99, 1]
  expect(told([], field(100, cut)).metadata).toMatchObject({
    author: 'Jane',
    shortDescription: null,
  })
})

test('arrays have a type and a shape, and what else they may be', () => {
  const own = { shape: [1n, 3n], dataType: FLOAT16 }
  const ranged = { ...own, shapeRange: { sizeRanges: [{ lowerBound: 1n, upperBound: 1n }] } }
  const endless = { ...own, shapeRange: { sizeRanges: [{ lowerBound: 2n, upperBound: -1n }] } }
  const listed = {
    ...own,
    enumeratedShapes: { shapes: [{ shape: [1n, 3n] }, { shape: [1n, 9n] }] },
  }
  const features = [own, ranged, endless, listed].map((value, at) =>
    create(FeatureDescriptionSchema, {
      name: `x${at}`,
      type: create(FeatureTypeSchema, {
        multiArrayType: create(ArrayFeatureTypeSchema, value),
        isOptional: at === 1,
      }),
    }),
  )
  const facts = { kind: 'array', isOptional: false, dtype: 'float16', shape: [1, 3] }
  expect(inputsOf(...features)).toEqual([
    { ...facts, name: 'x0' },
    { ...facts, name: 'x1', isOptional: true, ranges: [{ least: 1, most: 1 }] },
    { ...facts, name: 'x2', ranges: [{ least: 2, most: null }] },
    {
      ...facts,
      name: 'x3',
      shapes: [
        [1, 3],
        [1, 9],
      ],
    },
  ])
})

test('pictures have colours and sizes, height before width as shapes have', () => {
  const size = (width: number, height: number) =>
    field(1, [...field(1, width), ...field(2, height)])
  const range = (least: number, most: number) => [...field(1, least), ...field(2, most)]
  const fixed = [...field(1, 64), ...field(2, 48), ...field(3, 20)]
  const listed = [...fixed, ...field(21, [...size(64, 48), ...size(640, 480)])]
  const ranged = [
    ...fixed,
    ...field(31, [...field(1, range(32, 512)), ...field(2, range(16, 256))]),
  ]
  const facts = { kind: 'image', isOptional: false, dtype: null, shape: [48, 64], colours: 'RGB' }
  const [a, b, c] = [fixed, listed, ranged].map((image, at) => feature(`i${at}`, field(4, image)))
  if (a === undefined || b === undefined || c === undefined) throw new Error('three pictures')
  expect(inputsOf(a, b, c)).toEqual([
    { ...facts, name: 'i0' },
    {
      ...facts,
      name: 'i1',
      shapes: [
        [48, 64],
        [480, 640],
      ],
    },
    {
      ...facts,
      name: 'i2',
      ranges: [
        { least: 16, most: 256 },
        { least: 32, most: 512 },
      ],
    },
  ])
})

test('values that are no arrays have their kind', () => {
  const kinds = inputsOf(
    feature('label', field(3, [])),
    feature('scores', field(6, [])),
    feature('new', field(9, [])),
  )
  expect(kinds?.map(({ kind }) => kind)).toEqual(['string', 'dictionary', 'unknown'])
})
