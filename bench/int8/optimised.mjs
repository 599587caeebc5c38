// Reads what ONNX Runtime really runs: the graph after all its optimisations.
import { fromBinary } from '@bufbuild/protobuf'
import { readFileSync, rmSync } from 'node:fs'
import ort from 'onnxruntime-node'
import { ModelProtoSchema } from '../../packages/core/dist/formats/onnx/generated/onnx_pb.js'

/** Operators that multiply 8-bit integers. */
export const INTEGER = new Set([
  'QLinearConv',
  'QLinearMatMul',
  'QGemm',
  'MatMulIntegerToFloat',
  'DynamicQuantizeMatMul',
  'MatMulInteger',
  'ConvInteger',
  'DynamicQuantizeLSTM',
])

/** The nodes of the optimised graph. */
export async function optimisedNodes(path, scratch) {
  const file = `${scratch}/optimised.onnx`
  const session = await ort.InferenceSession.create(path, {
    graphOptimizationLevel: 'all',
    optimizedModelFilePath: file,
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  })
  await session.release()
  const { graph } = fromBinary(ModelProtoSchema, readFileSync(file))
  rmSync(file)
  return graph.node
}

/**
 * Multiply-accumulates that run as integer kernels, by the names of the nodes: optimised nodes keep
 * the names of those they come from, with a suffix.
 */
export function integerMacs(nodes, macs) {
  const names = nodes.filter(({ opType }) => INTEGER.has(opType)).map(({ name }) => name)
  const runs = (name) =>
    names.some(
      (each) => each === name || each.startsWith(`${name}_token`) || each.startsWith(`${name}/`),
    )
  const entries = Object.entries(macs)
  const total = entries.reduce((sum, [, count]) => sum + count, 0)
  const integer = entries.reduce((sum, [name, count]) => sum + (runs(name) ? count : 0), 0)
  return { total, integer, share: integer / total }
}
