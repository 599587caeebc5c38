import { create } from '@bufbuild/protobuf'

import { GraphProtoSchema, type ModelProto } from '../generated/onnx_pb.ts'

/**
 * The IR version that came with each operator set, from the first on that needs the next one.
 *
 * @see https://github.com/onnx/onnx/blob/main/docs/Versioning.md#released-versions
 */
const IR_VERSIONS: readonly (readonly [opset: number, ir: bigint])[] = [
  [1, 3n],
  [9, 4n],
  [10, 5n],
  [11, 6n],
  [12, 7n],
  [15, 8n],
  [19, 9n],
  [21, 10n],
  [23, 11n],
  [24, 12n],
  [25, 13n],
]

/** From here on an initializer need not be an input, and one that is may be overridden. */
export const IR_WITH_FREE_INITIALIZERS: bigint = 4n

/**
 * Gives a copied model the IR version that operator set `target` needs, and tells the changes. From IR
 * version 4 on a caller may set an initializer that is also an input; one that was fixed stays so.
 */
export function raiseIr(raised: ModelProto, target: number): readonly string[] {
  const needed = IR_VERSIONS.findLast(([opset]) => opset <= target)?.[1] ?? 0n
  const changes: string[] = []
  if (raised.irVersion >= needed) return changes
  const { graph } = raised
  const crosses =
    raised.irVersion < IR_WITH_FREE_INITIALIZERS && needed >= IR_WITH_FREE_INITIALIZERS
  if (graph !== undefined && crosses) {
    const constants = new Set(graph.initializer.map(({ name }) => name))
    const input = graph.input.filter(({ name }) => !constants.has(name))
    if (input.length < graph.input.length) {
      raised.graph = Object.assign(create(GraphProtoSchema), graph, { input })
      changes.push(`${graph.input.length - input.length} constants are no longer inputs`)
    }
  }
  changes.push(`IR version ${raised.irVersion} becomes ${needed}`)
  raised.irVersion = needed
  return changes
}
