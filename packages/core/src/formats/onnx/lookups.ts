import { INTEGER_BITS } from '../../scheme/scheme.ts'
import { lookUpBlocks } from './block-lookup.ts'
import type { Reader } from './bodies.ts'
import { readersOf, replaceNode } from './bodies.ts'
import type { AffineSite, Site } from './encode-site.ts'
import { MICROSOFT, castTo, partNames, useMicrosoft } from './encode-site.ts'
import type { GraphProto, NodeProto } from './generated/onnx_pb.ts'
import { onnxNode } from './nodes.ts'

/** The readers of a table that look rows up. */
export function lookupsOf(graph: GraphProto, name: string): readonly Reader[] {
  return readersOf(graph, name).filter(isLookup)
}

export function isLookup({ node }: Reader): boolean {
  return node.opType === 'Gather'
}

/** Gather(table) -> Cast: only the rows in use become float32, not the whole table. */
export function castLookedUpRows({ graph, name, activations, fresh }: Site): void {
  for (const { graph: own, node: gather } of lookupsOf(graph, name)) {
    const output = gather.output[0] ?? ''
    const rows = fresh(`${output}_rows`)
    gather.output = [rows]
    const cast = castTo(activations, rows, output)
    cast.name = fresh(`${output}_cast`)
    own.node.splice(own.node.indexOf(gather) + 1, 0, cast)
  }
}

/** Gather(w, ids) -> the same rows from blocks: by ONNX Runtime's kernel or standard operators. */
export function replaceLookup(site: AffineSite): void {
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
export function replaceGatherByRows(site: AffineSite): void {
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
