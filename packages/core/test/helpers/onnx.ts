import { toBinary } from '@bufbuild/protobuf'
import { InferenceSession, Tensor } from 'onnxruntime-node'

import { lowerToOnnx } from '../../src/convert/lower-onnx.ts'
import { ModelProtoSchema } from '../../src/formats/onnx/generated/onnx_pb.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { rowsOf } from '../../src/tensor/weight.ts'

/** A value that goes into or comes out of a session. */
export type Value = {
  readonly shape: readonly number[]
  readonly data: Float32Array | BigInt64Array
}

/** The bytes of one ONNX file with every weight inside, as float32. */
export async function selfContainedBytes(graph: Graph): Promise<Uint8Array> {
  const { model, weights } = lowerToOnnx(graph)
  for (const initializer of model.graph?.initializer ?? []) {
    const weight = weights.get(initializer.name)
    if (!weight) continue
    const values = await weight.readRows(0, rowsOf(weight.shape))
    initializer.rawData = new Uint8Array(values.buffer)
  }
  return toBinary(ModelProtoSchema, model)
}

/** Loads a graph in ONNX Runtime, on one thread so that results repeat. */
export async function openSession(graph: Graph): Promise<InferenceSession> {
  return InferenceSession.create(await selfContainedBytes(graph), {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  })
}

/** Runs a session; every output must be float32. */
export async function runSession(
  session: InferenceSession,
  inputs: Readonly<Record<string, Value>>,
): Promise<ReadonlyMap<string, Value & { readonly data: Float32Array }>> {
  const feeds = Object.entries(inputs).map(([name, { shape, data }]) => {
    const tensor =
      data instanceof Float32Array
        ? new Tensor('float32', data, shape)
        : new Tensor('int64', data, shape)
    return [name, tensor] as const
  })
  const results = await session.run(Object.fromEntries(feeds))
  const values = Object.entries(results).map(([name, { data, dims }]) => {
    if (!(data instanceof Float32Array)) throw new TypeError(`Output ${name} is not float32.`)
    return [name, { shape: dims, data }] as const
  })
  return new Map(values)
}

export function int64Value(shape: readonly number[], values: readonly number[]): Value {
  return { shape, data: BigInt64Array.from(values, BigInt) }
}

/** max |a - b| / max |b|; infinite when a value is not finite or the sizes differ. */
export function relativeError(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity
  let difference = 0
  let largest = 0
  for (const [i, value] of a.entries()) {
    const reference = b[i] ?? NaN
    if (!Number.isFinite(value - reference)) return Infinity
    difference = Math.max(difference, Math.abs(value - reference))
    largest = Math.max(largest, Math.abs(reference))
  }
  return difference / largest
}
