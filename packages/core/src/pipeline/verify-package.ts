import { ensurePackage } from '../formats/coreml/package-place.ts'
import type { PackageHost } from '../formats/coreml/read-package.ts'
import { checkCoremlStructure } from '../formats/coreml/structure/check-structure.ts'
import type { Verification, VerifyCheck } from '../verify/verify-types.ts'

/**
 * Checks the structure of a Core ML package. A damaged one gives failed checks, no error.
 *
 * @throws `not-found` or `unknown-format` where there is no folder, `unsupported-model` or
 *   `unsupported-version` for a sound one that Mixbit does not read
 */
export async function verifyCoremlPackage(host: PackageHost, path: string): Promise<Verification> {
  if ((await host.list(path)) === undefined) await ensurePackage(host, path)
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
