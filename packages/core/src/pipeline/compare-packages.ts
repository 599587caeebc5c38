import type { Host } from '../base/host.ts'
import type { Comparison } from '../compare/compare.ts'
import { compareWeights } from '../compare/compare-weights.ts'
import { readCoremlPackage } from '../formats/coreml/read-package.ts'
import { pairWeights } from './pair-weights.ts'

/** A package is one component. */
const COMPONENT = 'model'

/** Compares the dense weights of two Core ML packages, each decoded from its own bytes. */
export async function compareCoremlPackages(
  host: Host,
  request: { readonly reference: string; readonly candidate: string },
): Promise<Comparison> {
  const reference = await readCoremlPackage(host, request.reference)
  try {
    const candidate = await readCoremlPackage(host, request.candidate)
    try {
      const compared = await compareWeights(host, {
        ...request,
        ...pairWeights(reference.document.weights, candidate.document.weights, COMPONENT),
      })
      return { ...compared, bytes: { reference: reference.bytes, candidate: candidate.bytes } }
    } finally {
      await candidate.close()
    }
  } finally {
    await reference.close()
  }
}
