import { TensorProto_DataType, type NodeProto } from '../generated/onnx_pb.ts'
import { intOf } from './node-edit.ts'

const { BOOL, FLOAT, INT32, INT64, UINT8 } = TensorProto_DataType

/** Where an output's element type comes from: an input, a fixed type, or nothing that is known. */
type Source = { readonly input: number } | { readonly type: number } | 'unknown'

const BOOLEAN: readonly Source[] = [{ type: BOOL }]
const INDEX: readonly Source[] = [{ type: INT64 }]
const UNKNOWN: readonly Source[] = []

/**
 * Operators of ai.onnx whose outputs do not all have the type of the first input. Derived from the
 * type variables of the schemas; outputs past the end of a row are unknown.
 *
 * @see https://onnx.ai/onnx/operators/
 */
const SOURCES: Readonly<Record<string, readonly Source[]>> = {
  And: BOOLEAN,
  ArgMax: INDEX,
  ArgMin: INDEX,
  Attention: [{ input: 0 }],
  BatchNormalization: [{ input: 0 }],
  Bernoulli: UNKNOWN,
  BlackmanWindow: UNKNOWN,
  CastLike: [{ input: 1 }],
  ConcatFromSequence: UNKNOWN,
  ConstantOfShape: UNKNOWN,
  ConvInteger: [{ type: INT32 }],
  DequantizeLinear: [{ input: 1 }],
  Dropout: [{ input: 0 }],
  DynamicQuantizeLinear: [{ type: UINT8 }, { type: FLOAT }, { type: UINT8 }],
  Equal: BOOLEAN,
  EyeLike: UNKNOWN,
  Greater: BOOLEAN,
  GreaterOrEqual: BOOLEAN,
  HammingWindow: UNKNOWN,
  HannWindow: UNKNOWN,
  If: UNKNOWN,
  ImageDecoder: [{ type: UINT8 }],
  IsInf: BOOLEAN,
  IsNaN: BOOLEAN,
  LayerNormalization: [{ input: 0 }],
  Less: BOOLEAN,
  LessOrEqual: BOOLEAN,
  Loop: UNKNOWN,
  MatMulInteger: [{ type: INT32 }],
  MaxPool: [{ input: 0 }, { type: INT64 }],
  MelWeightMatrix: UNKNOWN,
  Multinomial: UNKNOWN,
  NonMaxSuppression: INDEX,
  NonZero: INDEX,
  OneHot: [{ input: 2 }],
  Optional: UNKNOWN,
  OptionalGetElement: UNKNOWN,
  OptionalHasElement: BOOLEAN,
  Or: BOOLEAN,
  QLinearConv: [{ input: 7 }],
  QLinearMatMul: [{ input: 7 }],
  QuantizeLinear: [{ input: 2 }],
  RMSNormalization: [{ input: 1 }],
  RandomNormal: UNKNOWN,
  RandomNormalLike: UNKNOWN,
  RandomUniform: UNKNOWN,
  RandomUniformLike: UNKNOWN,
  RegexFullMatch: BOOLEAN,
  Scan: UNKNOWN,
  SequenceAt: UNKNOWN,
  SequenceConstruct: UNKNOWN,
  SequenceEmpty: UNKNOWN,
  SequenceInsert: UNKNOWN,
  SequenceErase: UNKNOWN,
  SequenceLength: INDEX,
  SequenceMap: UNKNOWN,
  Shape: INDEX,
  Size: INDEX,
  SplitToSequence: UNKNOWN,
  StringSplit: UNKNOWN,
  TfIdfVectorizer: [{ type: FLOAT }],
  TopK: [{ input: 0 }, { type: INT64 }],
  Unique: [{ input: 0 }, { type: INT64 }, { type: INT64 }, { type: INT64 }],
  Where: [{ input: 1 }],
  Xor: BOOLEAN,
}

const SAME_AS_FIRST: Source = { input: 0 }

/** The element types of a node's outputs, from those of its inputs; `undefined` where unknown. */
export function outputTypes(
  node: NodeProto,
  typeOf: (value: string) => number | undefined,
): readonly (number | undefined)[] {
  if (node.domain !== '' && node.domain !== 'ai.onnx') return []
  if (node.opType === 'Cast') return [intOf(node, 'to')]
  if (node.opType === 'Constant') return [constantType(node)]
  const sources = Object.hasOwn(SOURCES, node.opType) ? SOURCES[node.opType] : undefined
  return node.output.map((_, i) => {
    const source = sources === undefined ? SAME_AS_FIRST : (sources[i] ?? 'unknown')
    if (source === 'unknown') return undefined
    return 'type' in source ? source.type : typeOf(node.input[source.input] ?? '')
  })
}

function constantType(node: NodeProto): number | undefined {
  const [attribute] = node.attribute
  if (attribute === undefined) return undefined
  if (attribute.name === 'value') return attribute.t?.dataType
  if (attribute.name.startsWith('value_float')) return FLOAT
  return attribute.name.startsWith('value_int') ? INT64 : undefined
}
