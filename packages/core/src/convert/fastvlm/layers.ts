import { type GraphBuilder, ints } from '../../graph/builder.ts'
import type { Weight } from '../../tensor/weight.ts'
import type { Tensors } from './tensors.ts'

/** What every part of the importer works with. */
export type Importer = {
  readonly graph: GraphBuilder
  readonly tensors: Tensors
}

/** Adds a trained tensor under its layer name, `<component>.<name>`. */
export function addWeight({ graph }: Importer, layer: string, weight: Weight): string {
  return graph.weight(layer, { layer, component: componentOf(layer), weight })
}

/** The place of a layer in the graph: its name without the component. */
export function placeOf(layer: string): string {
  return layer.slice(layer.indexOf('.') + 1)
}

function componentOf(layer: string): string {
  return layer.slice(0, layer.indexOf('.'))
}

/**
 * x * transpose(weight) + bias, with the weight as it lies in the checkpoint.
 *
 * @param x - shape (..., inputs)
 * @param layer - has `.weight` of shape (outputs, inputs)
 * @param bias - `required`, `optional` (as the tensors say) or `none`
 */
export function linear(
  importer: Importer,
  x: string,
  layer: string,
  sizes: { readonly outputs: number; readonly inputs: number },
  bias: 'required' | 'optional' | 'none',
): string {
  const { graph, tensors } = importer
  const weight = tensors.take(`${layer}.weight`, [sizes.outputs, sizes.inputs])
  const product = multiply(
    importer,
    x,
    addWeight(importer, `${layer}.weight`, weight),
    placeOf(layer),
  )
  if (bias === 'none') return product
  const shape = [sizes.outputs]
  const shift =
    bias === 'required'
      ? tensors.take(`${layer}.bias`, shape)
      : tensors.takeOptional(`${layer}.bias`, shape)
  if (!shift) return product
  return graph.call('Add', [product, addWeight(importer, `${layer}.bias`, shift)], {
    at: placeOf(layer),
  })
}

/** x * transpose(weight): the pair of nodes by which a writer knows a linear layer. */
export function multiply({ graph }: Importer, x: string, weight: string, at: string): string {
  const transposed = graph.call('Transpose', [weight], { at, attributes: { perm: ints([1, 0]) } })
  return graph.call('MatMul', [x, transposed], { at })
}
