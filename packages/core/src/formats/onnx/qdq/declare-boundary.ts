import { create } from '@bufbuild/protobuf'

import type { IntegerProfile } from '../../../targets/integer-kernels.ts'
import { ONNX_DATA_TYPE } from '../data-types.ts'
import { StringStringEntryProtoSchema } from '../generated/onnx_pb.ts'
import type { ActivationParams } from './activations.ts'
import { paramsOf } from './activations.ts'
import type { Boundary } from './boundary.ts'
import type { EditableDocument } from './editable.ts'

/** The key under which a file says how its integer inputs and outputs are to be read. */
export const BOUNDARY_KEY = 'mixbit.io'

/** How the codes of an input or output are to be read: real = scale * (code - zeroPoint). */
export type BoundaryTensor = {
  readonly name: string
  readonly dtype: IntegerProfile['activations']
  readonly scale: number
  readonly zeroPoint: number
}

/** What a file's metadata says as JSON, and reports too. */
export type BoundaryFacts = {
  readonly inputs: readonly BoundaryTensor[]
  readonly outputs: readonly BoundaryTensor[]
}

/** Scale and zero point of every integer input and output. */
export function boundaryFacts(
  boundary: Boundary,
  params: ReadonlyMap<string, ActivationParams>,
  { activations: dtype }: IntegerProfile,
): BoundaryFacts {
  const tensor = (name: string): BoundaryTensor => {
    const { scale, zeroPoint } = paramsOf(params, name)
    return { name, dtype, scale: Math.fround(scale), zeroPoint }
  }
  return { inputs: boundary.inputs.map(tensor), outputs: boundary.outputs.map(tensor) }
}

/** Gives inputs and outputs their integer type, and states their scales in the file's metadata. */
export function declareBoundary({ model, graph }: EditableDocument, facts: BoundaryFacts): void {
  const { inputs, outputs } = facts
  const types = new Map([...inputs, ...outputs].map(({ name, dtype }) => [name, dtype]))
  if (types.size === 0) return
  for (const { name, type } of [...graph.input, ...graph.output]) {
    const dtype = types.get(name)
    if (dtype === undefined || type?.value.case !== 'tensorType') continue
    type.value.value.elemType = ONNX_DATA_TYPE[dtype]
  }
  model.metadataProps = [
    ...model.metadataProps.filter(({ key }) => key !== BOUNDARY_KEY),
    create(StringStringEntryProtoSchema, { key: BOUNDARY_KEY, value: JSON.stringify(facts) }),
  ]
}
