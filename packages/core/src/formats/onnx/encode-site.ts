import { create } from '@bufbuild/protobuf'

import { ONNX_DATA_TYPE } from './data-types.ts'
import type { AffineForm } from './form-types.ts'
import type { GraphProto, ModelProto, NodeProto } from './generated/onnx_pb.ts'
import { OperatorSetIdProtoSchema } from './generated/onnx_pb.ts'
import { onnxNode } from './nodes.ts'

/** The domain of ONNX Runtime's own operators. */
export const MICROSOFT = 'com.microsoft'

/** What the operators around a weight compute in. */
export type Activations = 'float32' | 'float16'

/**
 * How rows of a blocked table are looked up: by ONNX Runtime's own GatherBlockQuantized, or by
 * standard operators from the same bytes, which browsers need.
 */
export type TableLookup = 'kernel' | 'standard'

/** A weight on its way into a graph. */
export type Site = {
  readonly model: ModelProto
  readonly graph: GraphProto
  readonly name: string
  readonly shape: readonly number[]
  readonly lookup: TableLookup
  readonly activations: Activations
  /** A name like `base` that the model does not have yet. */
  readonly fresh: (base: string) => string
}

/** A site with a form of integers, and what its parts are called. */
export type AffineSite = Site & {
  readonly form: AffineForm
  readonly parts: {
    readonly codes: string
    readonly scale: string
    readonly zeroPoint: string
  }
  /** The name of the scales in the dtype of the activations, as kernels want them. */
  readonly scaleForKernel: () => string
}

/** The parts of a weight as operators list them: codes, scale and, where there is one, zero point. */
export function partNames({ form, parts }: AffineSite, scale: string): string[] {
  return form.zeroPoint === null ? [parts.codes, scale] : [parts.codes, scale, parts.zeroPoint]
}

/** A Cast to what the operators around compute in, named after its output. */
export function castTo(activations: Activations, input: string, output: string): NodeProto {
  return onnxNode({
    op: 'Cast',
    name: output,
    inputs: [input],
    outputs: [output],
    attributes: { to: { kind: 'int', value: ONNX_DATA_TYPE[activations] } },
  })
}

/** Imports ONNX Runtime's own operators, once. */
export function useMicrosoft(model: ModelProto): void {
  if (model.opsetImport.some((opset) => opset.domain === MICROSOFT)) return
  model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: MICROSOFT, version: 1n }))
}
