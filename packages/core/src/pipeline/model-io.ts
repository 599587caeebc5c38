import type { Finding } from '../base/finding.ts'
import type { GraphProto } from '../formats/onnx/generated/onnx_pb.ts'
import type { BoundaryFacts } from '../formats/onnx/qdq/declare-boundary.ts'
import { boundaryFacts } from '../formats/onnx/qdq/declare-boundary.ts'
import { graphView } from '../formats/onnx/qdq/graph-view.ts'
import type { Placement } from '../formats/onnx/qdq/placement.ts'
import type { ActivationPlan, Plan } from '../plan/plan-types.ts'
import { INTEGER_PROFILES } from '../targets/integer-kernels.ts'

/** How a planned file's integer inputs and outputs are to be read; null where they are float. */
export function modelIo({
  io,
  activations = [],
  runtime = 'x86-vnni',
}: Plan): BoundaryFacts | null {
  if (io === undefined) return null
  const params = new Map(activations.map((plan) => [plan.tensor, plan]))
  return boundaryFacts(io, params, INTEGER_PROFILES[runtime])
}

/** Operators that join values of different sizes, whose small ones one scale may lose. */
const JOINING: ReadonlySet<string> = new Set(['Concat'])

/**
 * Says which integer outputs are rounded behind a float operator, or join values that may have different
 * sizes: boxes of hundreds beside scores below 1 have the same steps there.
 */
export function roundedOutputs(
  graph: GraphProto,
  { integers, boundary }: Placement,
  activations: readonly ActivationPlan[],
): readonly Finding[] {
  const view = graphView(graph)
  const made = new Set(integers.flatMap(({ outputs }) => outputs))
  const scales = new Map(activations.map(({ tensor, scale }) => [tensor, scale]))
  return boundary.outputs.flatMap((name): readonly Finding[] => {
    const producer = view.producer(name)
    if (producer === undefined) return []
    if (made.has(name) && !JOINING.has(producer.opType)) return []
    const step = (scales.get(name) ?? NaN).toPrecision(3)
    return [
      {
        code: 'output-rounded',
        severity: 'info',
        subject: name,
        message:
          `The output "${name}" comes from ${producer.opType} and is rounded to steps of ${step}. If it ` +
          'joins small values with large ones, such as scores with boxes, the small ones are lost: take it ' +
          'out of io in the plan, and it stays float.',
      },
    ]
  })
}
