import { create } from '@bufbuild/protobuf'

import { readersOf } from './bodies.ts'
import { ONNX_DATA_TYPE } from './data-types.ts'
import { addDequantize } from './dequantized-weights.ts'
import type { Activations, AffineSite, Site, TableLookup } from './encode-site.ts'
import { castTo } from './encode-site.ts'
import type { AffineForm, FloatForm, Form, StoredPart } from './form-types.ts'
import type { GraphProto, ModelProto, TensorProto } from './generated/onnx_pb.ts'
import { TensorProtoSchema } from './generated/onnx_pb.ts'
import { codesPart, replaceMatMul } from './linear-weights.ts'
import { castLookedUpRows, isLookup, replaceGatherByRows, replaceLookup } from './lookups.ts'

/** The initializers that hold the parts of one weight, named after it. */
export type EncodedWeight = {
  readonly codes: TensorProto
  readonly scale: TensorProto | null
  readonly zeroPoint: TensorProto | null
}

export type EncodeOptions = {
  /** The graph that holds the weight: the main one by default, or one inside a node. */
  readonly graph?: GraphProto
  readonly lookup?: TableLookup
  /** What the operators around the weight compute in; decoded weights are cast to it. */
  readonly activations?: Activations
  /** A name like `base` that the model does not have yet; by default `base` itself. */
  readonly fresh?: (base: string) => string
}

/**
 * Puts a form into an ONNX model: replaces the float initializer `name` by initializers for the
 * form's parts and rewrites the operators around it, those in graphs inside its graph included. The
 * new initializers hold no bytes yet.
 *
 * Expects what lowering writes: weights read by their operator directly, linear weights of shape
 * [N, K] through Transpose.
 *
 * @param shape - the shape of the float weight
 */
export function encodeWeight(
  model: ModelProto,
  name: string,
  shape: readonly number[],
  form: Form,
  options: EncodeOptions = {},
): EncodedWeight {
  const graph = options.graph ?? model.graph
  if (graph === undefined) throw new TypeError('An ONNX model without a graph cannot be encoded')
  const site: Site = {
    model,
    graph,
    name,
    shape,
    lookup: options.lookup ?? 'kernel',
    activations: options.activations ?? 'float32',
    fresh: options.fresh ?? ((base) => base),
  }
  graph.initializer = graph.initializer.filter((tensor) => tensor.name !== name)
  return form.kind === 'float' ? encodeFloat(site, form) : encodeAffine(site, form)
}

function encodeFloat(site: Site, form: FloatForm): EncodedWeight {
  const codes = addInitializer(site.graph, site.name, form.codes)
  const encoded = { codes, scale: null, zeroPoint: null }
  if (form.dtype === site.activations) return encoded
  castLookedUpRows(site)
  castWhole(site)
  return encoded
}

/** weight -> Cast, for every reader but lookups. */
function castWhole({ graph, name, activations, fresh }: Site): void {
  const readers = readersOf(graph, name).filter((reader) => !isLookup(reader))
  if (readers.length === 0) return
  const cast = fresh(`${name}_float`)
  for (const { node } of readers) {
    node.input = node.input.map((input) => (input === name ? cast : input))
  }
  graph.node.unshift(castTo(activations, name, cast))
}

function encodeAffine(base: Site, form: AffineForm): EncodedWeight {
  const { graph, name, fresh } = base
  const parts = {
    codes: fresh(`${name}_quantized`),
    scale: fresh(`${name}_scale`),
    zeroPoint: form.zeroPoint === null ? '' : fresh(`${name}_zero_point`),
  }
  const encoded = {
    codes: addInitializer(graph, parts.codes, codesPart(graph, name, form)),
    scale: addInitializer(graph, parts.scale, form.scale),
    zeroPoint:
      form.zeroPoint === null ? null : addInitializer(graph, parts.zeroPoint, form.zeroPoint),
  }
  rewriteReaders({ ...base, form, parts, scaleForKernel: kernelScale(base, form, parts.scale) })
  return encoded
}

function rewriteReaders(site: AffineSite): void {
  switch (site.form.name) {
    case 'DequantizeLinear':
    case 'com.microsoft.DequantizeLinear':
      addDequantize(site)
      break
    case 'MatMulNBits':
      replaceMatMul(site)
      break
    case 'GatherBlockQuantized':
      replaceLookup(site)
      break
    case 'GatherBlockQuantized + MatMulNBits':
      replaceMatMul(site)
      replaceLookup(site)
      break
    case 'Gather + Mul':
      replaceGatherByRows(site)
      break
  }
}

function kernelScale(
  { graph, name, activations, fresh }: Site,
  form: AffineForm,
  scale: string,
): () => string {
  if (form.scheme.scaleDtype === activations) return () => scale
  let cast: string | undefined
  return () => {
    if (cast !== undefined) return cast
    cast = fresh(`${name}_scale_float`)
    graph.node.unshift(castTo(activations, scale, cast))
    return cast
  }
}

function addInitializer(graph: GraphProto, name: string, part: StoredPart): TensorProto {
  const tensor = create(TensorProtoSchema, {
    name,
    dims: part.dims.map(BigInt),
    dataType: ONNX_DATA_TYPE[part.dtype],
  })
  graph.initializer.push(tensor)
  return tensor
}
