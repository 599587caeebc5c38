import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { ModelSchema } from '../../src/formats/coreml/generated/coreml_pb.ts'
import type {
  Block,
  FunctionEntry,
  MilFunction,
  Model,
  Operation,
  Value,
} from '../../src/formats/coreml/generated/coreml_pb.ts'
import { literalValue } from '../../src/formats/coreml/make-values.ts'
import type { StructureCheck } from '../../src/formats/coreml/structure/structure-check.ts'
import { tensorType } from '../../src/formats/coreml/value-types.ts'
import type { StaticTensor } from '../../src/formats/coreml/value-types.ts'
import {
  floatBytes,
  MODEL_PATH,
  PACKAGE,
  testBlobs,
  testBuilder,
  testFiles,
  testModel,
  WEIGHTS_PATH,
} from './coreml.ts'
import { memoryHost } from './memory-host.ts'
import type { MemoryHost } from './memory-host.ts'

/** Throws where a test counts on something that is not there. */
export function sure<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new TypeError('there is one')
  return value
}

export const half = (shape: readonly number[]): StaticTensor => ({ dtype: 'float16', shape })

/** Every form that is stored differently: each test breaks something in it. */
export async function soundFiles(): Promise<Map<string, Uint8Array>> {
  const blobs = testBlobs()
  const built = testBuilder(blobs)
  const bytes = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 37) % 256)
  const halves = (shape: readonly number[]) =>
    blobs.add(
      half(shape),
      floatBytes(
        Array.from({ length: 64 }, (_, i) => i / 32).slice(
          0,
          shape.reduce((a, b) => a * b, 1),
        ),
        'float16',
      ),
    )
  built.weight('first', [16, 4])
  built.op('linear', { x: 'x', weight: 'first' }, 'h', half([1, 16]))
  const data = blobs.add({ dtype: 'int8', shape: [16, 16] }, bytes(256))
  built.op(
    'constexpr_blockwise_shift_scale',
    { data, scale: halves([16, 1]) },
    'second',
    half([16, 16]),
  )
  built.op('linear', { x: 'h', weight: 'second' }, 'h2', half([1, 16]))
  const indices = blobs.add({ dtype: 'uint4', shape: [16, 16] }, bytes(128))
  built.op(
    'constexpr_lut_to_dense',
    { indices, lut: halves([2, 1, 16, 1]) },
    'third',
    half([16, 16]),
  )
  built.op('matmul', { x: 'h2', y: 'third' }, 'h3', half([1, 16]))
  const mask = blobs.add({ dtype: 'uint1', shape: [16, 4] }, new Uint8Array(8).fill(0x11))
  built.op(
    'constexpr_sparse_to_dense',
    { nonzero_data: halves([16]), mask },
    'fourth',
    half([16, 4]),
  )
  built.op('matmul', { x: 'h3', y: 'fourth' }, 'y')
  built.body.outputs.push('y')
  return testFiles(testModel({ main: { body: built.body } }, 9), blobs)
}

export async function soundHost(): Promise<MemoryHost> {
  return memoryHost(await soundFiles())
}

/** Changes the program of a sound package. */
export async function withModel(
  change: (model: Model, operations: Operation[]) => void,
): Promise<MemoryHost> {
  const host = await soundHost()
  const path = `${PACKAGE}/${MODEL_PATH}`
  const model = fromBinary(ModelSchema, host.files.get(path) ?? new Uint8Array())
  const block = model.mlProgram?.functions[0]?.value?.blockSpecializations[0]?.value
  change(model, block?.operations ?? [])
  host.files.set(path, toBinary(ModelSchema, model))
  return host
}

export function operation(operations: readonly Operation[], name: string): Operation {
  return sure(operations.find(({ outputs }) => outputs[0]?.name === name))
}

/** Changes the weight file of a sound package. */
export async function withWeights(
  change: (view: DataView) => void,
  length?: number,
): Promise<MemoryHost> {
  const host = await soundHost()
  const path = `${PACKAGE}/${WEIGHTS_PATH}`
  const bytes = (host.files.get(path) ?? new Uint8Array()).slice(0, length)
  change(new DataView(bytes.buffer))
  host.files.set(path, bytes)
  return host
}

export function failedChecks(checks: readonly StructureCheck[]): readonly string[] {
  return checks.filter(({ status }) => status === 'failed').map(({ name }) => name)
}

export function first(model: Model): FunctionEntry {
  return sure(model.mlProgram?.functions[0])
}

export function functionOf(model: Model): MilFunction {
  return sure(first(model).value)
}

export function blockOf(model: Model): Block {
  return sure(functionOf(model).blockSpecializations[0]?.value)
}

export function setValue(operations: readonly Operation[], value: Value): void {
  const entry = operation(operations, 'first').attributes.find(({ key }) => key === 'val')
  if (entry !== undefined) entry.value = value
}

/** Gives an input another shape; its values are made to fit. */
export function changeInput(
  operations: readonly Operation[],
  name: string,
  key: string,
  shape: readonly number[],
): void {
  const input = operation(operations, name).inputs.find((each) => each.key === key)
  const binding = input?.value?.arguments[0]
  const bytes = new Uint8Array(2 * shape.reduce((a, b) => a * b, 1))
  if (binding !== undefined)
    binding.binding = { case: 'value', value: literalValue(half(shape), bytes) }
}

export function rename(
  operations: readonly Operation[],
  name: string,
  from: string,
  to: string,
): void {
  const input = operation(operations, name).inputs.find(({ key }) => key === from)
  if (input !== undefined) input.key = to
}

export function setType(
  operations: readonly Operation[],
  name: string,
  shape: readonly number[],
): void {
  const [given] = operation(operations, name).outputs
  if (given !== undefined) given.type = tensorType(half(shape))
}
