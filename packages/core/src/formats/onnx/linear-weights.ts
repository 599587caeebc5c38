import { INTEGER_BITS } from '../../scheme/scheme.ts'
import { columnsOf, rowsOf } from '../../tensor/weight.ts'
import { readersOf, replaceNode } from './bodies.ts'
import type { AffineSite } from './encode-site.ts'
import { MICROSOFT, partNames, useMicrosoft } from './encode-site.ts'
import type { AffineForm, StoredPart } from './form-types.ts'
import type { GraphProto } from './generated/onnx_pb.ts'
import { lookupsOf } from './lookups.ts'
import { onnxNode } from './nodes.ts'
import { shapeTensor } from './shape-tensor.ts'

/** MatMul(x, Transpose(w)) -> MatMulNBits(x, codes, scale). */
export function replaceMatMul(site: AffineSite): void {
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

/**
 * The codes as the operators of this graph want them: MatMulNBits asks for [N, blocks, bytes of a
 * block], GatherBlockQuantized for [rows, bytes]. The bytes are the same, so both can share them.
 */
export function codesPart(graph: GraphProto, name: string, form: AffineForm): StoredPart {
  const isLookedUp = lookupsOf(graph, name).length > 0
  if (form.name !== 'GatherBlockQuantized + MatMulNBits' || isLookedUp) return form.codes
  return { ...form.codes, dims: blockedDims(form) }
}

/** [N, blocks, bytes of a block]. */
function blockedDims({ codes, scale }: AffineForm): readonly number[] {
  const [rows = 1, blocks = 1] = scale.dims
  return [rows, blocks, codes.bytes / (rows * blocks)]
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
