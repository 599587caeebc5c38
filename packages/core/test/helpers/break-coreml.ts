import { clone, create } from '@bufbuild/protobuf'
import {
  BlockSchema,
  ModelSchema,
  NamedValueTypeSchema,
  OperationSchema,
  ValueSchema,
} from '../../src/formats/coreml/generated/coreml_pb.ts'
import type {
  Block,
  Model,
  Operation,
  TensorType,
  Value,
  ValueType,
} from '../../src/formats/coreml/generated/coreml_pb.ts'
import { programValues } from '../../src/formats/coreml/visit-values.ts'
import { seededNumbers } from './coreml-encoding.ts'

type Random = () => number

function pick<Item>(random: Random, items: readonly Item[]): Item | undefined {
  return items[Math.floor(random() * items.length)]
}

const SIZES = [0n, 1n, 2n, 7n, 16n, 255n, 2n ** 31n, 2n ** 53n, 2n ** 64n - 1n]
const OFFSETS = [0n, 63n, 64n, 128n, 192n, 2n ** 40n, 2n ** 63n]
const DTYPES = [0, 1, 2, 10, 11, 13, 21, 23, 25, 31, 33, 35, 37, 39, 99, -1]
const FILES = [
  '@model_path/weights/weight.bin',
  '@model_path/../w.bin',
  '/etc/passwd',
  '',
  '@model_path/',
]
const OPSETS = ['CoreML5', 'CoreML6', 'CoreML7', 'CoreML8', 'CoreML9', 'CoreML99', '__proto__', '']
const KEYS = [
  'x',
  'y',
  'weight',
  'data',
  'scale',
  'offset',
  'lut',
  'indices',
  'mask',
  'shape',
  'val',
  '__proto__',
]
const TYPES = [
  'const',
  'cast',
  'conv',
  'linear',
  'matmul',
  'gather',
  'constexpr_affine_dequantize',
  'constexpr_blockwise_shift_scale',
  'constexpr_cast',
  'constexpr_lut_to_dense',
  'constexpr_lut_to_sparse',
  'constexpr_sparse_blockwise_shift_scale',
  'constexpr_sparse_to_dense',
  'constructor',
  '',
]

type Parts = {
  readonly blocks: readonly Block[]
  readonly operations: readonly Operation[]
  readonly values: readonly Value[]
  readonly types: readonly TensorType[]
  readonly names: readonly string[]
}

type Change = (random: Random, parts: Parts, model: Model) => void

const CHANGES: readonly Change[] = [
  // Another value is read: values that come later, that nothing gives, that are no constants.
  (random, { operations, names }) => {
    const binding = pick(random, pick(random, bound(pick(random, operations))) ?? [])
    if (binding === undefined) return
    binding.binding = { case: 'name', value: pick(random, [...names, 'nothing', '']) ?? '' }
  },
  // A literal instead of what was bound.
  (random, { operations, values }) => {
    const binding = pick(random, pick(random, bound(pick(random, operations))) ?? [])
    const value = pick(random, values)
    if (binding !== undefined && value !== undefined) binding.binding = { case: 'value', value }
  },
  (random, { operations, names }) => {
    const output = pick(random, pick(random, operations)?.outputs ?? [])
    if (output !== undefined) output.name = pick(random, [...names, '']) ?? ''
  },
  (random, { operations }) => {
    const operation = pick(random, operations)
    if (operation !== undefined) operation.type = pick(random, TYPES) ?? ''
  },
  (random, { operations }) => {
    const operation = pick(random, operations)
    const entry = pick(random, [...(operation?.inputs ?? []), ...(operation?.attributes ?? [])])
    if (entry !== undefined) entry.key = pick(random, KEYS) ?? ''
  },
  (random, { operations }) => {
    const operation = pick(random, operations)
    operation?.inputs.splice(Math.floor(random() * 3), 1)
  },
  (random, { operations }) => {
    const operation = pick(random, operations)
    operation?.outputs.splice(Math.floor(random() * 2), 1)
  },
  (random, { operations }) => {
    pick(random, operations)?.outputs.push(create(NamedValueTypeSchema, { name: 'more' }))
  },
  (random, { operations }) => {
    pick(random, operations)?.attributes.splice(Math.floor(random() * 2), 1)
  },
  // Inputs of iOS 18 as attributes of iOS 16.
  (random, { operations }) => {
    const operation = pick(random, operations)
    for (const { key, value } of operation?.inputs.splice(0) ?? []) {
      const binding = value?.arguments[0]?.binding
      if (binding?.case !== 'value') continue
      operation?.attributes.push({
        $typeName: 'mixbit.coreml.ValueEntry',
        key,
        value: binding.value,
      })
    }
  },
  (random, { values }) => {
    const [value, other] = [pick(random, values), pick(random, values)]
    if (value !== undefined && other !== undefined) value.value = clone(ValueSchema, other).value
  },
  (random, { values }) => {
    const [value, other] = [pick(random, values), pick(random, values)]
    if (value !== undefined && other?.type !== undefined) value.type = other.type
  },
  (random, { values }) => {
    const value = pick(random, values)?.value
    if (value?.case === 'blobFileValue') value.value.offset = pick(random, OFFSETS) ?? 0n
  },
  (random, { values }) => {
    const value = pick(random, values)?.value
    if (value?.case === 'blobFileValue') value.value.fileName = pick(random, FILES) ?? ''
  },
  (random, { types }) => {
    const type = pick(random, types)
    if (type !== undefined) type.dataType = pick(random, DTYPES) ?? 0
  },
  (random, { types }) => {
    const dimension = pick(random, pick(random, types)?.dimensions ?? [])?.dimension
    if (dimension?.case === 'constant') dimension.value.size = pick(random, SIZES) ?? 0n
  },
  (random, { types }) => {
    const type = pick(random, types)
    if (type !== undefined) type.rank = pick(random, [-1n, 0n, 1n, 2n, 2n ** 62n]) ?? 0n
  },
  (random, { types }) => {
    pick(random, types)?.dimensions.reverse()
  },
  (random, { types }) => {
    const type = pick(random, types)
    type?.dimensions.splice(Math.floor(random() * type.dimensions.length), 1)
  },
  (random, { blocks }) => {
    const block = pick(random, blocks)
    if (block === undefined) return
    const [operation] = block.operations.splice(Math.floor(random() * block.operations.length), 1)
    if (operation !== undefined && random() < 0.7) {
      block.operations.splice(Math.floor(random() * block.operations.length), 0, operation)
    }
  },
  // Operations inside an operation.
  (random, { blocks, operations }) => {
    const block = pick(random, blocks)
    const inner = block?.operations.splice(Math.floor(random() * block.operations.length), 2) ?? []
    pick(random, operations)?.blocks.push(
      create(BlockSchema, { operations: inner, outputs: ['y'] }),
    )
  },
  (random, { blocks, names }) => {
    pick(random, blocks)?.outputs.push(pick(random, names) ?? '')
  },
  (random, { blocks, operations }) => {
    const operation = pick(random, operations)
    if (operation !== undefined)
      pick(random, blocks)?.operations.push(clone(OperationSchema, operation))
  },
  (random, _, model) => {
    const milFunction = pick(random, model.mlProgram?.functions ?? [])?.value
    if (milFunction !== undefined) milFunction.opset = pick(random, OPSETS) ?? ''
  },
  (random, _, model) => {
    const entry = pick(random, model.mlProgram?.functions ?? [])
    const block = entry?.value?.blockSpecializations[0]
    const opset = pick(random, OPSETS) ?? ''
    if (block === undefined || entry?.value === undefined) return
    block.key = opset
    entry.value.opset = opset
  },
  (random, _, model) => {
    const [entry] = model.mlProgram?.functions ?? []
    if (entry !== undefined)
      model.mlProgram?.functions.push({ ...entry, key: pick(random, KEYS) ?? '' })
  },
  (random, _, model) => {
    model.specificationVersion = pick(random, [0, 5, 6, 7, 8, 9, 10, 11, 2 ** 31 - 1]) ?? 0
  },
  (random, _, model) => {
    const feature = pick(random, [
      ...(model.description?.input ?? []),
      ...(model.description?.output ?? []),
    ])
    if (feature !== undefined) feature.name = pick(random, KEYS) ?? ''
  },
]

/** A copy of a model with a few parts changed at random, always the same for a seed. */
export function brokenCoremlModel(model: Model, seed: number): Model {
  const random = seededNumbers(seed)
  const broken = clone(ModelSchema, model)
  const times = 1 + Math.floor(random() * 3)
  for (let i = 0; i < times; i++) pick(random, CHANGES)?.(random, partsOf(broken), broken)
  return broken
}

function bound(operation: Operation | undefined) {
  return operation?.inputs.map(({ value }) => value?.arguments ?? []) ?? []
}

function partsOf(model: Model): Parts {
  const outer = (model.mlProgram?.functions ?? []).flatMap(({ value }) =>
    (value?.blockSpecializations ?? []).flatMap((entry) => entry.value ?? []),
  )
  const blocks = outer.flatMap((block) => [
    block,
    ...block.operations.flatMap((each) => each.blocks),
  ])
  const operations = blocks.flatMap((block) => block.operations)
  const values = model.mlProgram === undefined ? [] : [...programValues(model.mlProgram)]
  const outputs = operations.flatMap((operation) => operation.outputs)
  const types = [...values.map(({ type }) => type), ...outputs.map(({ type }) => type)]
  return {
    blocks,
    operations,
    values,
    types: types.flatMap((type) => tensorOf(type)),
    names: outputs.map(({ name }) => name),
  }
}

function tensorOf(type: ValueType | undefined): readonly TensorType[] {
  return type?.type.case === 'tensorType' ? [type.type.value] : []
}
