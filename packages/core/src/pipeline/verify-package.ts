import type { Host } from '../base/host.ts'
import { checkCoremlStructure } from '../formats/coreml/structure/check-structure.ts'
import type { Verification, VerifyCheck } from '../verify/verify-types.ts'

/** Checks the structure of a Core ML package. A damaged one gives failed checks, no error. */
export async function verifyCoremlPackage(
  host: Pick<Host, 'open' | 'list' | 'listFolders' | 'within'>,
  path: string,
): Promise<Verification> {
  const found = await checkCoremlStructure(host, path)
  const checks = found.map(({ name, status, message }): VerifyCheck => {
    const check = { group: 'structure', name, status, measured: null, limit: null } as const
    return message === null ? check : { ...check, message }
  })
  return {
    schema: 'mixbit/verification@1',
    model: path,
    checks,
    passed: checks.every(({ status }) => status !== 'failed'),
  }
}
