import type { ByteSource } from '../../../base/bytes.ts'
import { MixbitError } from '../../../base/error.ts'
import type { BlobFile } from '../blob-index.ts'
import { chainBuilder } from '../chain.ts'
import type { Model, Program } from '../generated/coreml_pb.ts'
import { readManifest } from '../manifest.ts'
import type { PackageManifest } from '../manifest.ts'
import { openBlobFiles } from '../blob-files.ts'
import { packageContents } from '../package-files.ts'
import { ensurePackage } from '../package-place.ts'
import { ensureFunctions } from '../program-facts.ts'
import { walkProgram } from '../program.ts'
import type { ProgramWalk } from '../program.ts'
import { readModel } from '../read-model.ts'
import type { PackageHost } from '../read-package.ts'
import { blobProblems, countProblems } from './check-blobs.ts'
import { constantProblems } from './check-constants.ts'
import { descriptionProblems } from './check-description.ts'
import { nameProblems } from './check-names.ts'
import { operatorProblems } from './check-operators.ts'
import { typesCheck } from './check-types.ts'
import { STRUCTURE_CHECKS, outcome, refusal } from './structure-check.ts'
import type { StructureCheck, StructureCheckName } from './structure-check.ts'

/** What checking a package needs of a host. */
export type CheckHost = PackageHost

/**
 * Checks a package as coremltools does when it loads one, and for what coremltools does not see: a wrong
 * count of blobs, a wrong type of a compressed constant, a description that is not that of the program.
 * What cannot be read is a failed check, and those after it are skipped; nothing is thrown for a bad
 * package.
 *
 * @throws `unsupported-model`, `unsupported-version` where the model is sound and none that Mixbit reads
 */
export async function checkCoremlStructure(
  host: CheckHost,
  path: string,
): Promise<readonly StructureCheck[]> {
  const checks: StructureCheck[] = []
  const opened: ByteSource[] = []
  try {
    const manifest = await step(checks, 'manifest', () => checkedManifest(host, path))
    const read =
      manifest && (await step(checks, 'program', () => readProgram(host, path, manifest)))
    const files =
      read &&
      (await step(checks, 'blobs', () =>
        openBlobFiles(host, path, { manifest: read.manifest, program: read.program, opened }),
      ))
    if (files !== undefined && read !== undefined) await checkRead(checks, read, files)
  } finally {
    for (const source of opened) await source.close()
  }
  return [...checks, ...notReached(checks)]
}

/** What an earlier check left no way to look at. */
function notReached(checks: readonly StructureCheck[]): readonly StructureCheck[] {
  const failed = checks.at(-1)?.name ?? ''
  return STRUCTURE_CHECKS.slice(checks.length).map((name) => ({
    name,
    status: 'skipped',
    message: `not looked at, because "${failed}" failed`,
  }))
}

type Read = {
  readonly manifest: PackageManifest
  readonly model: Model
  readonly program: Program
  readonly walk: ProgramWalk
}

/** What a step gives; `undefined`, and a failed check, when the package is refused there. */
async function step<Result>(
  checks: StructureCheck[],
  name: StructureCheckName,
  run: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    const result = await run()
    checks.push(outcome(name, []))
    return result
  } catch (error) {
    if (name === 'program' && isUnsupported(error)) throw error
    checks.push(outcome(name, [refusal(error)]))
    return undefined
  }
}

/** A sound model of another kind, or of a later version: nothing is wrong with it. */
function isUnsupported(error: unknown): boolean {
  if (!(error instanceof MixbitError)) return false
  return error.code === 'unsupported-model' || error.code === 'unsupported-version'
}

async function checkRead(
  checks: StructureCheck[],
  { model, program, walk }: Read,
  files: ReadonlyMap<string, BlobFile>,
): Promise<void> {
  // The headers were read; now what they hold.
  checks.pop()
  checks.push(
    outcome('blobs', blobProblems(program, files)),
    outcome('blob count', await countProblems(files)),
    outcome('names', nameProblems(program)),
    outcome('operators', operatorProblems(model, program, walk)),
    outcome('constants', await constantProblems(walk, chainBuilder(walk, files))),
    typesCheck(program, walk),
    outcome('description', descriptionProblems(model, program, walk)),
  )
}

/** A manifest all of whose items are there. */
async function checkedManifest(host: CheckHost, path: string): Promise<PackageManifest> {
  await ensurePackage(host, path)
  const manifest = await readManifest(host, path)
  const { files } = await packageContents(host, path)
  for (const item of manifest.itemPaths) {
    const isThere = files.some((file) => file === item || file.startsWith(`${item}/`))
    if (!isThere && (await host.list(host.within(path, item))) === undefined) {
      throw new MixbitError(
        'not-found',
        `The manifest of "${path}" names "${item}", which is not there.`,
        {
          file: path,
          item,
        },
      )
    }
  }
  return manifest
}

async function readProgram(
  host: CheckHost,
  path: string,
  manifest: PackageManifest,
): Promise<Read> {
  const source = await host.open(host.within(path, manifest.modelPath))
  try {
    const model = await readModel(source)
    const program = ensureFunctions(manifest.modelPath, model)
    return { manifest, model, program, walk: walkProgram(manifest.modelPath, program) }
  } finally {
    await source.close()
  }
}
