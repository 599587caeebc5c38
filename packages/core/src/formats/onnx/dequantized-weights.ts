import type { Attribute } from '../../graph/graph.ts'
import type { AffineSite } from './encode-site.ts'
import { MICROSOFT, castTo, partNames, useMicrosoft } from './encode-site.ts'
import type { AffineForm } from './form-types.ts'
import { onnxNode } from './nodes.ts'
import { shapeTensor } from './shape-tensor.ts'

/** codes -> DequantizeLinear [-> Cast] [-> Reshape] -> the weight's own name. */
export function addDequantize(site: AffineSite): void {
  const { model, graph, name, shape, form, activations, fresh } = site
  const isRuntime = form.name === 'com.microsoft.DequantizeLinear'
  if (isRuntime) useMicrosoft(model)
  const needsCast = form.scheme.scaleDtype !== activations
  const needsReshape = form.codes.dims.some((size, axis) => size !== shape[axis])
  const decoded = fresh(`${name}_dequantize`)
  const cast = needsCast ? fresh(`${name}_cast`) : decoded
  const nodes = [
    onnxNode({
      op: 'DequantizeLinear',
      domain: isRuntime ? MICROSOFT : '',
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
      // Rows of blocks have a scale each.
      if (form.scale.dims.length === 1) return { axis: { kind: 'int', value: 0 } }
      return {
        axis: { kind: 'int', value: 1 },
        // A table has every value of a block on its axis; a 1x1 kernel has one a channel.
        block_size: { kind: 'int', value: form.blockLength },
      }
  }
}
