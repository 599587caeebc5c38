import { ensure } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import { checkCoremlStructure } from '../formats/coreml/structure/check-structure.ts'
import type { Verification, VerifyCheck } from '../verify/verify-types.ts'

/**
 * Checks the structure of a Core ML package. A damaged one gives failed checks, no error.
 *
 * @throws `not-found` where there is no folder
 */
export async function verifyCoremlPackage(
  host: Pick<Host, 'open' | 'list' | 'listFolders' | 'within'>,
  path: string,
): Promise<Verification> {
  ensure(
    (await host.list(path)) !== undefined,
    'not-found',
    `"${path}" is no folder. A Core ML package (.mlpackage) is one.`,
    { path },
  )
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
