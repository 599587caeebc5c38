import { create } from '@bufbuild/protobuf'

import type { Attribute } from '../../graph/graph.ts'
import { INTEGER_BITS } from '../../scheme/scheme.ts'
import { columnsOf, rowsOf } from '../../tensor/weight.ts'
import { lookUpBlocks } from './block-lookup.ts'
import { readersOf, replaceNode } from './bodies.ts'
import type { Reader } from './bodies.ts'
import { ONNX_DATA_TYPE } from './data-types.ts'
import type { AffineForm, FloatForm, Form, StoredPart } from './forms.ts'
import type { GraphProto, ModelProto, NodeProto, TensorProto } from './generated/onnx_pb.ts'
import { OperatorSetIdProtoSchema, TensorProtoSchema } from './generated/onnx_pb.ts'
import { onnxNode } from './nodes.ts'

const MICROSOFT = 'com.microsoft'

/** The initializers that hold the parts of one weight, named after it. */
export type EncodedWeight = {
  readonly codes: TensorProto
  readonly scale: TensorProto | null
  readonly zeroPoint: TensorProto | null
}

/**
 * How rows of a blocked table are looked up: by ONNX Runtime's own GatherBlockQuantized, or by
 * standard operators from the same bytes, which browsers need.
 */
export type TableLookup = 'kernel' | 'standard'

export type EncodeOptions = {
  /** The graph that holds the weight: the main one by default, or one inside a node. */
  readonly graph?: GraphProto
  readonly lookup?: TableLookup
  /** What the operators around the weight compute in; decoded weights are cast to it. */
  readonly activations?: Activations
  /** A name like `base` that the model does not have yet; by default `base` itself. */
  readonly fresh?: (base: string) => string
}

export type Activations = 'float32' | 'float16'

/** A weight on its way into a graph. */
type Site = {
  readonly model: ModelProto
  readonly graph: GraphProto
  readonly name: string
  readonly shape: readonly number[]
  readonly lookup: TableLookup
  readonly activations: Activations
  readonly fresh: (base: string) => string
}

/** A site with a form of integers, and what its parts are called. */
type AffineSite = Site & {
  readonly form: AffineForm
  readonly parts: {
    readonly codes: string
    readonly scale: string
    readonly zeroPoint: string
  }
  /** The name of the scales in the dtype of the activations, as kernels want them. */
  readonly scaleForKernel: () => string
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

/** Gather(table) -> Cast: only the rows in use become float32, not the whole table. */
function castLookedUpRows({ graph, name, activations, fresh }: Site): void {
  for (const { graph: own, node: gather } of lookupsOf(graph, name)) {
    const output = gather.output[0] ?? ''
    const rows = fresh(`${output}_rows`)
    gather.output = [rows]
    const cast = castTo(activations, rows, output)
    cast.name = fresh(`${output}_cast`)
    own.node.splice(own.node.indexOf(gather) + 1, 0, cast)
  }
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

function lookupsOf(graph: GraphProto, name: string): readonly Reader[] {
  return readersOf(graph, name).filter(isLookup)
}

function isLookup({ node }: Reader): boolean {
  return node.opType === 'Gather'
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

/**
 * The codes as the operators of this graph want them: MatMulNBits asks for [N, blocks, bytes of a
 * block], GatherBlockQuantized for [rows, bytes]. The bytes are the same, so both can share them.
 */
function codesPart(graph: GraphProto, name: string, form: AffineForm): StoredPart {
  const isLookedUp = lookupsOf(graph, name).length > 0
  if (form.name !== 'GatherBlockQuantized + MatMulNBits' || isLookedUp) return form.codes
  return { ...form.codes, dims: blockedDims(form) }
}

/** [N, blocks, bytes of a block]. */
function blockedDims({ codes, scale }: AffineForm): readonly number[] {
  const [rows = 1, blocks = 1] = scale.dims
  return [rows, blocks, codes.bytes / (rows * blocks)]
}

/** codes -> DequantizeLinear [-> Cast] [-> Reshape] -> the weight's own name. */
function addDequantize(site: AffineSite): void {
  const { graph, name, shape, form, activations, fresh } = site
  const needsCast = form.scheme.scaleDtype !== activations
  const needsReshape = form.codes.dims.length !== shape.length
  const decoded = fresh(`${name}_dequantize`)
  const cast = needsCast ? fresh(`${name}_cast`) : decoded
  const nodes = [
    onnxNode({
      op: 'DequantizeLinear',
      name: decoded,
      inputs: partNames(site, site.parts.scale),
      outputs: [needsCast || needsReshape ? decoded : name],
      attributes: dequantizeAttributes(form),
    }),
  ]
  if (needsCast) nodes.push(castTo(activations, decoded, needsReshape ? cast : name))
  if (needsReshape) {
    const target = shapeTensor(fresh(`${name}_shape`), shape)
    graph.initializer.push(target)
    nodes.push(
      onnxNode({
        op: 'Reshape',
        name: fresh(`${name}_reshape`),
        inputs: [cast, target.name],
        outputs: [name],
      }),
    )
  }
  graph.node.unshift(...nodes)
}

function dequantizeAttributes(form: AffineForm): Readonly<Record<string, Attribute>> {
  switch (form.scheme.granularity.kind) {
    case 'per-tensor':
      return {}
    case 'per-channel':
      return { axis: { kind: 'int', value: 0 } }
    case 'per-block':
      return {
        axis: { kind: 'int', value: 1 },
        // A table has every value of a block on its axis; a 1x1 kernel has one a channel.
        block_size: { kind: 'int', value: form.blockLength },
      }
  }
}

function replaceLookup(site: AffineSite): void {
  if (site.lookup === 'kernel') {
    replaceGather(site)
    return
  }
  const { graph, name, parts, shape, form, fresh } = site
  for (const reader of lookupsOf(graph, name)) {
    const names = { prefix: fresh(`${name}_lookup`), parts }
    replaceNode(reader, lookUpBlocks(reader.graph, names, shape, form, reader.node))
  }
}

/** MatMul(x, Transpose(w)) -> MatMulNBits(x, codes, scale). */
function replaceMatMul(site: AffineSite): void {
  const { model, graph, name, shape, form } = site
  const transposes = readersOf(graph, name).filter(({ node }) => node.opType === 'Transpose')
  if (transposes.length === 0) return
  const [codes = '', ...scales] = partNames(site, site.scaleForKernel())
  const inputs = [blockedCodes(site, codes), ...scales]
  for (const { graph: own, node: transpose } of transposes) {
    for (const reader of readersOf(own, transpose.output[0] ?? '')) {
      const { node: matmul } = reader
      replaceNode(reader, [
        onnxNode({
          op: 'MatMulNBits',
          domain: MICROSOFT,
          name: matmul.name,
          inputs: [matmul.input[0] ?? '', ...inputs],
          outputs: matmul.output,
          attributes: {
            K: { kind: 'int', value: columnsOf(shape) },
            N: { kind: 'int', value: rowsOf(shape) },
            bits: { kind: 'int', value: INTEGER_BITS[form.scheme.dtype] },
            block_size: { kind: 'int', value: form.blockLength },
          },
        }),
      ])
    }
    own.node = own.node.filter((node) => node !== transpose)
  }
  useMicrosoft(model)
}

/** The codes as MatMulNBits wants them, where a lookup in the same graph wants them otherwise. */
function blockedCodes({ graph, name, form, fresh }: AffineSite, codes: string): string {
  if (codesPart(graph, name, form).dims.length === 3) return codes
  const blocked = fresh(`${name}_blocked`)
  const target = shapeTensor(fresh(`${name}_shape`), blockedDims(form))
  graph.initializer.push(target)
  graph.node.unshift(
    onnxNode({
      op: 'Reshape',
      name: blocked,
      inputs: [codes, target.name],
      outputs: [blocked],
    }),
  )
  return blocked
}

/** Gather(w, ids) -> GatherBlockQuantized(codes, ids, scale). */
function replaceGather(site: AffineSite): void {
  const { model, graph, name, form } = site
  const lookups = lookupsOf(graph, name)
  if (lookups.length > 0) useMicrosoft(model)
  const [codes = '', scale = '', ...zeroPoint] = partNames(site, site.scaleForKernel())
  for (const reader of lookups) {
    const { node: gather } = reader
    replaceNode(reader, [
      onnxNode({
        op: 'GatherBlockQuantized',
        domain: MICROSOFT,
        name: gather.name,
        inputs: [codes, gather.input[1] ?? '', scale, ...zeroPoint],
        outputs: gather.output,
        attributes: {
          gather_axis: { kind: 'int', value: 0 },
          quantize_axis: { kind: 'int', value: 1 },
          block_size: { kind: 'int', value: form.blockLength },
          bits: { kind: 'int', value: INTEGER_BITS[form.scheme.dtype] },
        },
      }),
    ])
  }
}

/** Gather(w, ids) -> (Gather(codes, ids) - Gather(zero, ids)) * Gather(scale, ids), in float32. */
function replaceGatherByRows(site: AffineSite): void {
  for (const reader of lookupsOf(site.graph, site.name)) {
    replaceNode(reader, decodedRows(reader.node, site))
  }
}

/** Values are named after the Gather's output, because a table may be looked up more than once. */
function decodedRows(
  gather: NodeProto,
  { form, activations, parts, fresh }: AffineSite,
): readonly NodeProto[] {
  const [output = '', ids = ''] = [gather.output[0], gather.input[1]]
  const hasRowScales = form.scheme.granularity.kind === 'per-channel'
  const nodes: NodeProto[] = []
  const add = (op: string, step: string, inputs: readonly string[]): string => {
    const name = fresh(`${output}_${step}`)
    nodes.push(onnxNode({ op, name, inputs, outputs: [name] }))
    return name
  }
  const inFloat = (part: string, step: string, isByRow: boolean): string => {
    const rows = isByRow ? add('Gather', step, [part, ids]) : part
    const cast = fresh(`${output}_${step}_float`)
    nodes.push(castTo(activations, rows, cast))
    return cast
  }
  const codes = inFloat(parts.codes, 'quantized', true)
  const scale = inFloat(parts.scale, 'scale', hasRowScales)
  const centred =
    form.zeroPoint === null
      ? codes
      : add('Sub', 'centred', [codes, inFloat(parts.zeroPoint, 'zero_point', hasRowScales)])
  nodes.push(
    onnxNode({ op: 'Mul', name: gather.name, inputs: [centred, scale], outputs: [output] }),
  )
  return nodes
}

function partNames({ form, parts }: AffineSite, scale: string): string[] {
  return form.zeroPoint === null ? [parts.codes, scale] : [parts.codes, scale, parts.zeroPoint]
}

function castTo(activations: Activations, input: string, output: string): NodeProto {
  return onnxNode({
    op: 'Cast',
    name: output,
    inputs: [input],
    outputs: [output],
    attributes: { to: { kind: 'int', value: ONNX_DATA_TYPE[activations] } },
  })
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

function shapeTensor(name: string, shape: readonly number[]): TensorProto {
  const values = new BigInt64Array(shape.map(BigInt))
  return create(TensorProtoSchema, {
    name,
    dims: [BigInt(shape.length)],
    dataType: ONNX_DATA_TYPE.int64,
    rawData: new Uint8Array(values.buffer),
  })
}

function useMicrosoft(model: ModelProto): void {
  if (model.opsetImport.some((opset) => opset.domain === MICROSOFT)) return
  model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: MICROSOFT, version: 1n }))
}
