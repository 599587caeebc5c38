import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
} from '../../core/src/formats/onnx/generated/onnx_pb.ts'
import { Dtype, onnxModel } from './host-models.ts'

/** Features of the tiny classifier. */
const FEATURES = 8
const HIDDEN = 64
const CLASSES = 4

/**
 * `scores = relu(x · first) · second` of 8 features and 4 classes, 768 weights. Feature i speaks for
 * class i mod 4, and no weight is a multiple of an 8-bit step, so quantization changes each.
 *
 * @param result - the name of the output
 */
export function tinyClassifier(result = 'scores'): Uint8Array {
  const first = matrix(FEATURES, HIDDEN, (row, column) => (column % FEATURES === row ? 1 : 0))
  const second = matrix(HIDDEN, CLASSES, (row, column) => (row % CLASSES === column ? 1 : 0))
  return onnxModel(
    [
      { name: 'm1', opType: 'MatMul', input: ['x', 'first'], output: ['hidden'] },
      { name: 'r', opType: 'Relu', input: ['hidden'], output: ['active'] },
      { name: 'm2', opType: 'MatMul', input: ['active', 'second'], output: [result] },
    ],
    [{ name: 'x', dtype: Dtype.FLOAT, shape: [1, FEATURES] }],
    [{ name: result, dtype: Dtype.FLOAT, shape: [1, CLASSES] }],
    [tensor('first', [FEATURES, HIDDEN], first), tensor('second', [HIDDEN, CLASSES], second)],
  )
}

/**
 * The tiny classifier behind a table: reads tokens of fastvlm-nano's vocabulary, `input_ids` (1, tokens).
 * Each token is features of its own; the last of 512 speaks loudest.
 */
export function tinyReader(): Uint8Array {
  const rows = 512
  const table = matrix(rows, FEATURES, (row, column) => ((row * (column + 1)) % 13) + row / rows)
  const model = fromBinary(ModelProtoSchema, tinyClassifier('logits'))
  const reader = fromBinary(
    ModelProtoSchema,
    onnxModel(
      [{ opType: 'Gather', input: ['table', 'input_ids'], output: ['x'] }],
      [{ name: 'input_ids', dtype: Dtype.INT64, shape: [1, 'tokens'] }],
      [{ name: 'logits', dtype: Dtype.FLOAT, shape: [1, 'tokens', CLASSES] }],
      [tensor('table', [rows, FEATURES], table)],
    ),
  )
  reader.graph?.node.push(...(model.graph?.node ?? []))
  reader.graph?.initializer.push(...(model.graph?.initializer ?? []))
  return toBinary(ModelProtoSchema, reader)
}

/** The tiny classifier with its first weight in the file `location` beside it, and that file. */
export function splitClassifier(location: string): {
  readonly graph: Uint8Array
  readonly data: Uint8Array
} {
  const model = fromBinary(ModelProtoSchema, tinyClassifier())
  const weight = model.graph?.initializer.find(({ name }) => name === 'first')
  if (weight === undefined) throw new TypeError('the tiny classifier has no first weight')
  const data = weight.rawData
  weight.rawData = new Uint8Array(0)
  weight.dataLocation = TensorProto_DataLocation.EXTERNAL
  weight.externalData = [create(StringStringEntryProtoSchema, { key: 'location', value: location })]
  return { graph: toBinary(ModelProtoSchema, model), data }
}

/** The mean of red, of green and of blue of a 4 x 4 picture: three classes without a weight. */
export function colourClassifier(): Uint8Array {
  return onnxModel(
    [
      { opType: 'GlobalAveragePool', input: ['picture'], output: ['means'] },
      { opType: 'Flatten', input: ['means'], output: ['scores'] },
    ],
    [{ name: 'picture', dtype: Dtype.FLOAT, shape: [1, 3, 4, 4] }],
    [{ name: 'scores', dtype: Dtype.FLOAT, shape: [1, 3] }],
  )
}

/** Samples of the tiny classifier: sample n has feature n mod 8 at 1, all others at 0. */
export function oneHotFeatures(samples: number): Uint8Array {
  const values = matrix(samples, FEATURES, (row, column) => (column === row % FEATURES ? 1 : 0), 0)
  return npy('<f4', [samples, FEATURES], new Uint8Array(values.buffer))
}

/** int64 labels as a .npy file. */
export function labelFile(labels: readonly number[]): Uint8Array {
  const values = BigInt64Array.from(labels, BigInt)
  return npy('<i8', [labels.length], new Uint8Array(values.buffer))
}

/** @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
function npy(descr: string, shape: readonly number[], values: Uint8Array): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`
  const header = text.padEnd(117) + '\n'
  const prefix = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0)
  return Buffer.concat([prefix, new TextEncoder().encode(header), values])
}

/** @param jitter - how far values may lie from what `at` gives */
function matrix(
  rows: number,
  columns: number,
  at: (row: number, column: number) => number,
  jitter = 0.03,
): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const value = at(Math.floor(i / columns), i % columns)
    return value + jitter * Math.sin(i + 1)
  })
}

function tensor(name: string, shape: readonly number[], values: Float32Array) {
  const rawData = new Uint8Array(values.buffer)
  return { name, dims: shape.map(BigInt), dataType: Dtype.FLOAT, rawData }
}
