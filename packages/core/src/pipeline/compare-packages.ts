import type { Host } from '../base/host.ts'
import type { Comparison } from '../compare/compare.ts'
import { compareWeights } from '../compare/compare-weights.ts'
import type { CoremlModel } from '../formats/coreml/read-package.ts'
import { readCoremlPackage } from '../formats/coreml/read-package.ts'
import type { Weight } from '../tensor/weight.ts'

/** Compares the dense weights of two Core ML packages, each decoded from its own bytes. */
export async function compareCoremlPackages(
  host: Host,
  request: { readonly reference: string; readonly candidate: string },
): Promise<Comparison> {
  const reference = await readCoremlPackage(host, request.reference)
  try {
    const candidate = await readCoremlPackage(host, request.candidate)
    try {
      return await compareWeights(host, {
        reference: { path: request.reference, weights: weightsOf(reference) },
        candidate: { path: request.candidate, weights: weightsOf(candidate) },
      })
    } finally {
      await candidate.close()
    }
  } finally {
    await reference.close()
  }
}

function weightsOf({ document }: CoremlModel): ReadonlyMap<string, Weight> {
  return new Map([...document.weights].map(([name, { weight }]) => [name, weight]))
}
