import type { StoredFacts, WeightFacts } from '../audit/audit-types.ts'
import { namedScheme } from '../scheme/named-scheme.ts'
import type { FloatType, Scheme } from '../scheme/scheme.ts'

/** The scheme in which a weight lies in its package; of forms without a name, the floats that they decode to. */
export function storedScheme(
  { dtype, outputAxis, inputAxis }: Pick<WeightFacts, 'dtype' | 'outputAxis' | 'inputAxis'>,
  { isCompressed, precision, computes }: StoredFacts,
): Scheme {
  if (!isCompressed) return { kind: 'float', dtype: storedFloat(dtype) }
  const axes = { outputAxis: outputAxis ?? 0, inputAxis: inputAxis ?? 1 }
  const named = namedScheme(precision, { ...axes, scaleDtype: computes })
  return named ?? { kind: 'float', dtype: computes }
}

/** The float dtype in which a weight is stored. */
export function storedFloat(dtype: WeightFacts['dtype']): FloatType {
  return dtype === 'float16' || dtype === 'bfloat16' ? dtype : 'float32'
}
