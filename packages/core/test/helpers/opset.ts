import { create, toBinary } from '@bufbuild/protobuf'
import { env, InferenceSession, Tensor } from 'onnxruntime-node'

import {
  ModelProtoSchema,
  TensorProto_DataType,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type ModelProto,
  type NodeProto,
  type TypeProto,
  type ValueInfoProto,
} from '../../src/formats/onnx/generated/onnx_pb.ts'
import { constantTensor, type NewConstant } from '../../src/formats/onnx/opset/constants.ts'
import { raiseOpset } from '../../src/formats/onnx/opset/raise-opset.ts'

// RoiAlign warns of a defect it had once, whatever the session's own level.
env.logLevel = 'error'

const { BOOL, DOUBLE, FLOAT, INT32, INT64 } = TensorProto_DataType

/** A small model of one graph. */
export type TestModel = {
  readonly opset: number
  readonly ir?: bigint
  readonly nodes: readonly NodeProto[]
  readonly inputs: Readonly<Record<string, Tensor>>
  /** Whether the model says the shapes of its inputs; it does by default. */
  readonly shapes?: 'declared' | 'unknown'
  readonly constants?: Readonly<Record<string, NewConstant>>
  /** Outputs and their ONNX element types; float by default. */
  readonly outputs?: Readonly<Record<string, number>>
}

const ELEMENT_TYPES: Readonly<Record<string, number>> = {
  float32: FLOAT,
  float64: DOUBLE,
  int32: INT32,
  int64: INT64,
  bool: BOOL,
}

export function buildModel(test: TestModel): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: test.ir ?? 8n,
    opsetImport: [{ domain: '', version: BigInt(test.opset) }],
    graph: {
      name: 'g',
      node: [...test.nodes],
      initializer: Object.entries(test.constants ?? {}).map(([name, c]) => constantTensor(name, c)),
      input: Object.entries(test.inputs).map(([name, { type, dims }]) =>
        value(name, ELEMENT_TYPES[type] ?? 0, test.shapes === 'unknown' ? undefined : dims),
      ),
      output: Object.entries(test.outputs ?? { y: FLOAT }).map(([name, type]) => value(name, type)),
    },
  })
}

/** A ValueInfoProto; without dims the shape is not said. */
export function value(name: string, elemType: number, dims?: readonly number[]): ValueInfoProto {
  return create(ValueInfoProtoSchema, { name, type: tensorType(elemType, dims) })
}

function tensorType(elemType: number, dims?: readonly number[]): TypeProto {
  const shape = dims?.map((dim) => ({ value: { case: 'dimValue', value: BigInt(dim) } }) as const)
  return create(TypeProtoSchema, {
    value: {
      case: 'tensorType',
      value: { elemType, ...(shape === undefined ? {} : { shape: { dim: shape } }) },
    },
  })
}

/** Runs a model in ONNX Runtime, unoptimised, so that each node is one kernel. */
export async function run(
  model: ModelProto,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<ReadonlyMap<string, Tensor>> {
  const session = await InferenceSession.create(toBinary(ModelProtoSchema, model), {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
    graphOptimizationLevel: 'disabled',
  })
  try {
    return new Map(Object.entries(await session.run(inputs)))
  } finally {
    await session.release()
  }
}

/** The raised model; throws when it is blocked. */
export function raised(model: ModelProto, target: number): ModelProto {
  const result = raiseOpset(model, target)
  if ('blockedBy' in result) {
    throw new Error(result.blockedBy.map((b) => `${b.op} ${b.node}: ${b.reason}`).join('\n'))
  }
  return result.model
}

/** max |a - b|, 0 when both are the same in shape, type and every bit; infinite when not alike. */
export function difference(a: Tensor | undefined, b: Tensor | undefined): number {
  if (a === undefined || b === undefined || a.type !== b.type) return Infinity
  if (a.dims.join() !== b.dims.join() || a.data.length !== b.data.length) return Infinity
  let largest = 0
  for (let i = 0; i < a.data.length; i++) {
    const [p, q] = [a.data[i], b.data[i]]
    if (Object.is(p, q)) continue
    const distance = Math.abs(Number(p) - Number(q))
    largest = Math.max(largest, Number.isNaN(distance) ? Infinity : distance)
  }
  return largest
}

/** Numbers in [-2, 2), the same for the same seed (a linear congruential generator). */
export function random(
  dims: readonly number[],
  seed = 1,
  change: (x: number) => number = (x) => x,
): Tensor {
  let state = seed * 2_654_435_761 + 12_345
  const count = dims.reduce((product, dim) => product * dim, 1)
  const values = Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return change((state / 2 ** 32) * 4 - 2)
  })
  return new Tensor('float32', values, dims)
}

export function int64s(
  values: readonly number[],
  dims: readonly number[] = [values.length],
): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), dims)
}
