import { elementsOf } from '../tensor/weight.ts'
import { precisionName } from './precision.ts'
import type { Scheme } from './scheme.ts'

/** The precision name that most values of these layers have; the first of equals. */
export function mainPrecision(
  layers: readonly { readonly shape: readonly number[]; readonly scheme: Scheme }[],
): string {
  const elements = new Map<string, number>()
  for (const { scheme, shape } of layers) {
    const name = precisionName(scheme)
    elements.set(name, (elements.get(name) ?? 0) + elementsOf(shape))
  }
  const [most] = [...elements].toSorted((a, b) => b[1] - a[1])
  return most?.[0] ?? ''
}
