import { create } from '@bufbuild/protobuf'

import type { Attribute } from '../../graph/graph.ts'
import { INTEGER_BITS } from '../../scheme/scheme.ts'
import { columnsOf } from '../../tensor/weight.ts'
import { ONNX_DATA_TYPE } from './data-types.ts'
import type { AffineForm } from './form-types.ts'
import type { GraphProto, NodeProto } from './generated/onnx_pb.ts'
import { TensorProtoSchema } from './generated/onnx_pb.ts'
import { onnxNode } from './nodes.ts'

/**
 * Looks rows of a blocked table up and decodes them with standard operators, from the bytes that
 * GatherBlockQuantized reads: onnxruntime-web 1.31 as transformers.js 4.3 loads it has no
 * GatherBlockQuantized for WebAssembly.
 *
 *     (unpack(Gather(codes, ids)) - zero) * Gather(scale, ids), in float32
 *
 * @param gather - the node that looks rows up in the float table; its output keeps its name
 * @param shape - of the float table: (rows, columns)
 */
export function lookUpBlocks(
  graph: GraphProto,
  { prefix, parts }: LookupNames,
  shape: readonly number[],
  form: AffineForm,
  gather: NodeProto,
): NodeProto[] {
  const ids = gather.input[1] ?? ''
  const columns = columnsOf(shape)
  const blocks = columns / form.blockLength
  const steps = stepsOf(graph, prefix, ids)
  const codes = unpackedRows(steps, form, parts.codes)
  const table = steps.reshape(codes, 'blocks', [blocks, form.blockLength])
  const values = steps.add('Cast', 'values', [table], toFloat)
  const scale = steps.add('Gather', 'scale_rows', [parts.scale, ids])
  const floatScale =
    form.scheme.scaleDtype === 'float32' ? scale : steps.add('Cast', 'row_scale', [scale], toFloat)
  const perBlock = steps.reshape(floatScale, 'block_scale', [blocks, 1])
  const centred = steps.add('Sub', 'centred', [
    values,
    zeroPoints(steps, parts.zeroPoint, form, blocks),
  ])
  const decoded = steps.add('Mul', 'decoded', [centred, perBlock])
  steps.reshape(decoded, 'rows', [columns])
  const last = steps.nodes.at(-1)
  if (last !== undefined) last.output = [...gather.output]
  return steps.nodes
}

const toFloat: Readonly<Record<string, Attribute>> = {
  to: { kind: 'int', value: ONNX_DATA_TYPE.float32 },
}

/** Zero points as float32, one a block; a symmetric table has its middle code for all. */
function zeroPoints(steps: Steps, part: string, form: AffineForm, blocks: number): string {
  const bits = INTEGER_BITS[form.scheme.dtype]
  if (form.zeroPoint === null) {
    return steps.constant('middle', 'float32', [], Float32Array.of(2 ** (bits - 1)))
  }
  const stored = unpackedRows(steps, form, part)
  const [, rowBytes = 1] = form.zeroPoint.dims
  const perRow = (rowBytes * 8) / bits
  const own =
    perRow === blocks
      ? stored
      : steps.add('Slice', 'own_zero_points', [
          steps.reshape(stored, 'padded_zero_points', [perRow]),
          steps.constant('first', 'int64', [1], BigInt64Array.of(0n)),
          steps.constant('end', 'int64', [1], BigInt64Array.of(BigInt(blocks))),
          steps.constant('last_axis', 'int64', [1], BigInt64Array.of(-1n)),
        ])
  const perBlock = steps.reshape(own, 'block_zero_points', [blocks, 1])
  return steps.add('Cast', 'zero_points', [perBlock], toFloat)
}

/** The looked-up rows of a stored part, one code a byte: the code in the lowest bits comes first. */
function unpackedRows(steps: Steps, form: AffineForm, part: string): string {
  const label = part.slice(part.lastIndexOf('.') + 1)
  const rows = steps.add('Gather', `${label}_rows`, [part, steps.ids])
  const bits = INTEGER_BITS[form.scheme.dtype]
  if (bits === 8) return rows
  const mask = steps.constant('mask', 'uint8', [], Uint8Array.of(2 ** bits - 1))
  const axis = steps.constant('code_axis', 'int64', [1], BigInt64Array.of(-1n))
  const codes: string[] = []
  for (let shift = 0; shift < 8; shift += bits) {
    const moved = shift === 0 ? rows : shiftedRight(steps, rows, label, shift)
    const isLast = shift + bits === 8
    const code = isLast ? moved : steps.add('BitwiseAnd', `${label}_code_${shift}`, [moved, mask])
    codes.push(steps.add('Unsqueeze', `${label}_part_${shift}`, [code, axis]))
  }
  return steps.add('Concat', `${label}_codes`, codes, { axis: { kind: 'int', value: -1 } })
}

function shiftedRight(steps: Steps, rows: string, label: string, shift: number): string {
  const width = steps.constant(`shift_${shift}`, 'uint8', [], Uint8Array.of(shift))
  return steps.add('BitShift', `${label}_from_${shift}`, [rows, width], {
    direction: { kind: 'string', value: 'RIGHT' },
  })
}

/** What the stored parts of a table are called, and what names of its lookup start with. */
export type LookupNames = {
  readonly prefix: string
  readonly parts: { readonly codes: string; readonly scale: string; readonly zeroPoint: string }
}

/** Nodes under construction; every value is named after the table. */
type Steps = {
  readonly ids: string
  readonly nodes: NodeProto[]
  readonly add: (
    op: string,
    label: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, Attribute>>,
  ) => string
  /** A small initializer; the same label gives the same one. */
  readonly constant: (
    label: string,
    dtype: 'float32' | 'int64' | 'uint8',
    dims: readonly number[],
    values: Float32Array | BigInt64Array | Uint8Array,
  ) => string
  /** To the shape of the ids, followed by `tail`. */
  readonly reshape: (input: string, label: string, tail: readonly number[]) => string
}

function stepsOf(graph: GraphProto, prefix: string, ids: string): Steps {
  const nodes: NodeProto[] = []
  const add: Steps['add'] = (op, label, inputs, attributes = {}) => {
    const output = `${prefix}/${label}`
    nodes.push(onnxNode({ op, name: output, inputs, outputs: [output], attributes }))
    return output
  }
  const constant: Steps['constant'] = (label, dtype, dims, values) => {
    const output = `${prefix}/${label}`
    if (graph.initializer.some((tensor) => tensor.name === output)) return output
    graph.initializer.push(
      create(TensorProtoSchema, {
        name: output,
        dims: dims.map(BigInt),
        dataType: ONNX_DATA_TYPE[dtype],
        rawData: new Uint8Array(values.slice().buffer),
      }),
    )
    return output
  }
  const idShape = add('Shape', 'id_shape', [ids])
  const reshape: Steps['reshape'] = (input, label, tail) => {
    const size = constant(`${label}_tail`, 'int64', [tail.length], BigInt64Array.from(tail, BigInt))
    const shape = add('Concat', `${label}_shape`, [idShape, size], {
      axis: { kind: 'int', value: 0 },
    })
    return add('Reshape', label, [input, shape])
  }
  return { ids, nodes, add, constant, reshape }
}
