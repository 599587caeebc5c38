import { leastZeros } from '../../algorithms/prune/prune-scores.ts'
import type { SparseScheme } from '../../scheme/scheme.ts'
import { ATTRIBUTES_SPEC, INPUTS_SPEC } from '../../targets/coreml-versions.ts'
import { elementsOf } from '../../tensor/weight.ts'
import { denseForm } from './dense-forms.ts'
import type { DenseForm } from './dense-forms.ts'
import { noForm } from './form-types.ts'
import type {
  CoremlPart,
  CoremlSparseForm,
  CoremlWeightFacts,
  NoCoremlForm,
  SpecRange,
} from './form-types.ts'
import { keptPart, part } from './parts.ts'

/**
 * A mask and the values that it keeps. iOS 16 keeps floats only; from iOS 18 on codes and indices of
 * kept values become floats first (`..._to_sparse`), then dense.
 */
export function sparseForm(
  weight: CoremlWeightFacts,
  scheme: SparseScheme,
  specs: SpecRange,
): CoremlSparseForm | NoCoremlForm {
  if (weight.shape.length < 2) return noForm('Core ML keeps vectors as floats')
  const reach = { lowest: INPUTS_SPEC, highest: INPUTS_SPEC }
  const values = denseForm(weight, scheme.values, scheme.values.kind === 'float' ? specs : reach)
  if (values.kind === 'none') return values
  if (values.kind === 'float' && values.stored !== weight.dtype) {
    return noForm(`the values of a sparse weight are stored as its operators want them`)
  }
  if (values.kind === 'palette' && values.vector.size > 1) {
    return noForm('a mask keeps single values, not vectors')
  }
  const isInputs = values.kind !== 'float' || specs.lowest >= INPUTS_SPEC
  return {
    kind: 'sparse',
    style: isInputs ? 'inputs' : 'attributes',
    ops: sparseOperations(values),
    spec: isInputs ? INPUTS_SPEC : ATTRIBUTES_SPEC,
    dtype: weight.dtype,
    shape: weight.shape,
    values,
    parts: sparseParts(weight, scheme, values, isInputs ? 'inputs' : 'attributes'),
  }
}

function sparseOperations(values: DenseForm): CoremlSparseForm['ops'] {
  switch (values.kind) {
    case 'float':
      return ['constexpr_sparse_to_dense']
    case 'affine':
      return ['constexpr_sparse_blockwise_shift_scale', 'constexpr_sparse_to_dense']
    case 'palette': {
      const table = values.table === 'int8' ? (['constexpr_blockwise_shift_scale'] as const) : []
      return [...table, 'constexpr_lut_to_sparse', 'constexpr_sparse_to_dense']
    }
  }
}

/** The mask comes first: whoever writes the parts learns from it how many values follow. */
function sparseParts(
  weight: CoremlWeightFacts,
  { pattern }: SparseScheme,
  values: DenseForm,
  style: 'attributes' | 'inputs',
): readonly CoremlPart[] {
  const { shape, outputAxis, inputAxis } = weight
  const elements = elementsOf(shape)
  const kept = elements - leastZeros({ shape, outputAxis, inputAxis, pattern })
  const mask =
    style === 'inputs'
      ? part('mask', 'uint1', shape)
      : part('mask', 'uint8', [Math.ceil(elements / 8)])
  return [
    mask,
    ...values.parts.map((each) =>
      each.name === 'data' || each.name === 'indices'
        ? keptPart(each.name, each.dtype, kept)
        : each,
    ),
  ]
}
