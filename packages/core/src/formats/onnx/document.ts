import type { Weight } from '../../tensor/weight.ts'
import type { ModelProto } from './generated/onnx_pb.ts'
import type { ExternalRegion } from './read-external.ts'

/**
 * An ONNX file as it is. `model` is the decoded protobuf (fields we do not know are carried in
 * `$unknown`); the initializers named in `weights` keep name, dims and data type but hold no
 * bytes: those are read from their weight when needed.
 */
export type OnnxDocument = {
  readonly format: 'onnx'
  readonly model: ModelProto
  readonly weights: ReadonlyMap<string, Weight>
  /** Where initializers lie that lie in other files; absent in documents that were not read. */
  readonly external?: ReadonlyMap<string, ExternalRegion>
}
