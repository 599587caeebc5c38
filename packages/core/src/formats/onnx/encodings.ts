import { create } from '@bufbuild/protobuf'

import type { Attribute } from '../../graph/graph.ts'
import { INTEGER_BITS } from '../../scheme/scheme.ts'
import { columnsOf, rowsOf } from '../../tensor/weight.ts'
import { lookUpBlocks } from './block-lookup.ts'
import { ONNX_DATA_TYPE } from './data-types.ts'
import type { AffineForm, FloatForm, Form, StoredPart } from './forms.ts'
import type { GraphProto, ModelProto, NodeProto, TensorProto } from './generated/onnx_pb.ts'
import { OperatorSetIdProtoSchema, TensorProtoSchema } from './generated/onnx_pb.ts'
import { consumersOf, onnxNode } from './nodes.ts'

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
  readonly lookup?: TableLookup
  /** What the operators around the weight compute in; decoded weights are cast to it. */
  readonly activations?: Activations
}

export type Activations = 'float32' | 'float16'

/**
 * Puts a form into an ONNX model: replaces the float initializer `name` by initializers for the
 * form's parts and rewrites the operators around it. The new initializers hold no bytes yet.
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
  { lookup = 'kernel', activations = 'float32' }: EncodeOptions = {},
): EncodedWeight {
  const graph = model.graph
  if (graph === undefined) throw new TypeError('An ONNX model without a graph cannot be encoded')
  removeInitializer(graph, name)
  if (form.kind === 'float') return encodeFloat(graph, name, form, activations)
  const parts = addParts(graph, name, form)
  switch (form.name) {
    case 'DequantizeLinear':
      addDequantize(graph, name, shape, form, activations)
      break
    case 'MatMulNBits':
      replaceMatMul(model, graph, name, shape, form, activations)
      break
    case 'GatherBlockQuantized':
      replaceLookup(model, graph, name, shape, form, lookup, activations)
      break
    case 'GatherBlockQuantized + MatMulNBits':
      replaceMatMul(model, graph, name, shape, form, activations)
      replaceLookup(model, graph, name, shape, form, lookup, activations)
      break
    case 'Gather + Mul':
      replaceGatherByRows(graph, name, form, activations)
      break
  }
  return parts
}

function encodeFloat(
  graph: GraphProto,
  name: string,
  form: FloatForm,
  activations: Activations,
): EncodedWeight {
  const codes = addInitializer(graph, name, form.codes)
  const encoded = { codes, scale: null, zeroPoint: null }
  if (form.dtype === activations) return encoded
  castLookedUpRows(graph, name, activations)
  castWhole(graph, name, activations)
  return encoded
}

/** Gather(table) -> Cast: only the rows in use become float32, not the whole table. */
function castLookedUpRows(graph: GraphProto, name: string, activations: Activations): void {
  for (const gather of lookupsOf(graph, name)) {
    const output = gather.output[0] ?? ''
    const rows = `${output}_rows`
    gather.output = [rows]
    const cast = castTo(activations, rows, output)
    cast.name = `${output}_cast`
    graph.node.splice(graph.node.indexOf(gather) + 1, 0, cast)
  }
}

/** weight -> Cast, for every reader but lookups. */
function castWhole(graph: GraphProto, name: string, activations: Activations): void {
  const readers = consumersOf(graph, name).filter((node) => node.opType !== 'Gather')
  if (readers.length === 0) return
  const cast = `${name}_float`
  for (const node of readers) {
    node.input = node.input.map((input) => (input === name ? cast : input))
  }
  graph.node.unshift(castTo(activations, name, cast))
}

function lookupsOf(graph: GraphProto, name: string): readonly NodeProto[] {
  return consumersOf(graph, name).filter((node) => node.opType === 'Gather')
}

function addParts(graph: GraphProto, name: string, form: AffineForm): EncodedWeight {
  return {
    codes: addInitializer(graph, `${name}_quantized`, codesPart(graph, name, form)),
    scale: addInitializer(graph, `${name}_scale`, form.scale),
    zeroPoint:
      form.zeroPoint === null ? null : addInitializer(graph, `${name}_zero_point`, form.zeroPoint),
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
function addDequantize(
  graph: GraphProto,
  name: string,
  shape: readonly number[],
  form: AffineForm,
  activations: Activations,
): void {
  const needsCast = form.scheme.scaleDtype !== activations
  const needsReshape = form.codes.dims.length !== shape.length
  const steps = ['dequantize', ...(needsCast ? ['cast'] : []), ...(needsReshape ? ['reshape'] : [])]
  const output = (step: string): string => (step === steps.at(-1) ? name : `${name}_${step}`)
  const nodes = [
    onnxNode({
      op: 'DequantizeLinear',
      name: `${name}_dequantize`,
      inputs: partNames(name, form, `${name}_scale`),
      outputs: [output('dequantize')],
      attributes: dequantizeAttributes(form),
    }),
  ]
  if (needsCast) nodes.push(castTo(activations, `${name}_dequantize`, output('cast')))
  if (needsReshape) {
    graph.initializer.push(shapeTensor(`${name}_shape`, shape))
    nodes.push(
      onnxNode({
        op: 'Reshape',
        name: `${name}_reshape`,
        inputs: [needsCast ? `${name}_cast` : `${name}_dequantize`, `${name}_shape`],
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

function replaceLookup(
  model: ModelProto,
  graph: GraphProto,
  name: string,
  shape: readonly number[],
  form: AffineForm,
  lookup: TableLookup,
  activations: Activations,
): void {
  if (lookup === 'kernel') {
    replaceGather(model, graph, name, form, activations)
    return
  }
  for (const gather of lookupsOf(graph, name)) {
    const nodes = lookUpBlocks(graph, name, shape, form, gather)
    graph.node.splice(graph.node.indexOf(gather), 1, ...nodes)
  }
}

/** MatMul(x, Transpose(w)) -> MatMulNBits(x, codes, scale). */
function replaceMatMul(
  model: ModelProto,
  graph: GraphProto,
  name: string,
  shape: readonly number[],
  form: AffineForm,
  activations: Activations,
): void {
  const transposes = consumersOf(graph, name).filter((node) => node.opType === 'Transpose')
  if (transposes.length === 0) return
  const scale = scaleForKernel(graph, name, form, activations)
  const [codes = '', ...scales] = partNames(name, form, scale)
  const inputs = [blockedCodes(graph, name, codes, form), ...scales]
  for (const transpose of transposes) {
    const transposed = transpose.output[0] ?? ''
    for (const matmul of consumersOf(graph, transposed)) {
      replaceNode(
        graph,
        matmul,
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
      )
    }
    graph.node = graph.node.filter((node) => node !== transpose)
  }
  useMicrosoft(model)
}

/** The codes as MatMulNBits wants them, where a lookup in the same graph wants them otherwise. */
function blockedCodes(graph: GraphProto, name: string, codes: string, form: AffineForm): string {
  if (codesPart(graph, name, form).dims.length === 3) return codes
  const blocked = `${name}_blocked`
  graph.initializer.push(shapeTensor(`${name}_shape`, blockedDims(form)))
  graph.node.unshift(
    onnxNode({
      op: 'Reshape',
      name: blocked,
      inputs: [codes, `${name}_shape`],
      outputs: [blocked],
    }),
  )
  return blocked
}

/** Gather(w, ids) -> GatherBlockQuantized(codes, ids, scale). */
function replaceGather(
  model: ModelProto,
  graph: GraphProto,
  name: string,
  form: AffineForm,
  activations: Activations,
): void {
  const scale = scaleForKernel(graph, name, form, activations)
  const [codes = '', scaleName = '', ...zeroPoint] = partNames(name, form, scale)
  for (const gather of lookupsOf(graph, name)) {
    replaceNode(
      graph,
      gather,
      onnxNode({
        op: 'GatherBlockQuantized',
        domain: MICROSOFT,
        name: gather.name,
        inputs: [codes, gather.input[1] ?? '', scaleName, ...zeroPoint],
        outputs: gather.output,
        attributes: {
          gather_axis: { kind: 'int', value: 0 },
          quantize_axis: { kind: 'int', value: 1 },
          block_size: { kind: 'int', value: form.blockLength },
          bits: { kind: 'int', value: INTEGER_BITS[form.scheme.dtype] },
        },
      }),
    )
  }
  useMicrosoft(model)
}

/** Gather(w, ids) -> (Gather(codes, ids) - Gather(zero, ids)) * Gather(scale, ids), in float32. */
function replaceGatherByRows(
  graph: GraphProto,
  name: string,
  form: AffineForm,
  activations: Activations,
): void {
  for (const gather of lookupsOf(graph, name)) {
    graph.node.splice(
      graph.node.indexOf(gather),
      1,
      ...decodedRows(gather, name, form, activations),
    )
  }
}

/** Values are named after the Gather's output, because a table may be looked up more than once. */
function decodedRows(
  gather: NodeProto,
  name: string,
  form: AffineForm,
  activations: Activations,
): readonly NodeProto[] {
  const [output = '', ids = ''] = [gather.output[0], gather.input[1]]
  const hasRowScales = form.scheme.granularity.kind === 'per-channel'
  const nodes: NodeProto[] = []
  const add = (op: string, step: string, inputs: readonly string[]): string => {
    nodes.push(onnxNode({ op, name: `${output}_${step}`, inputs, outputs: [`${output}_${step}`] }))
    return `${output}_${step}`
  }
  const inFloat = (part: string, isByRow: boolean): string => {
    const rows = isByRow ? add('Gather', part, [`${name}_${part}`, ids]) : `${name}_${part}`
    nodes.push(castTo(activations, rows, `${output}_${part}_float`))
    return `${output}_${part}_float`
  }
  const codes = inFloat('quantized', true)
  const scale = inFloat('scale', hasRowScales)
  const centred =
    form.zeroPoint === null
      ? codes
      : add('Sub', 'centred', [codes, inFloat('zero_point', hasRowScales)])
  nodes.push(
    onnxNode({ op: 'Mul', name: gather.name, inputs: [centred, scale], outputs: [output] }),
  )
  return nodes
}

/** The name of the scales in the dtype of the activations, as kernels want them. */
function scaleForKernel(
  graph: GraphProto,
  name: string,
  form: AffineForm,
  activations: Activations,
): string {
  if (form.scheme.scaleDtype === activations) return `${name}_scale`
  const output = `${name}_scale_float`
  if (!graph.node.some((node) => node.output[0] === output)) {
    graph.node.unshift(castTo(activations, `${name}_scale`, output))
  }
  return output
}

function partNames(name: string, form: AffineForm, scale: string): string[] {
  return form.zeroPoint === null
    ? [`${name}_quantized`, scale]
    : [`${name}_quantized`, scale, `${name}_zero_point`]
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

function replaceNode(graph: GraphProto, node: NodeProto, replacement: NodeProto): void {
  graph.node.splice(graph.node.indexOf(node), 1, replacement)
}

function removeInitializer(graph: GraphProto, name: string): void {
  graph.initializer = graph.initializer.filter((tensor) => tensor.name !== name)
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
