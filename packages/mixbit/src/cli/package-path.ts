import { MixbitError, isCoremlPackage, whyNoPackage } from '@mixbit/core'
import { exists, listFolder, openFile } from '../host/files.ts'
import { within } from '../host/within.ts'

const files = { open: openFile, list: listFolder, exists, within }

/**
 * Whether a path is that of a Core ML package: by its name, even where nothing is there, or by the
 * manifest in the folder.
 */
export async function isPackage(path: string): Promise<boolean> {
  return /\.mlpackage[\\/]*$/iu.test(path) || isCoremlPackage(files, path)
}

/** Whether a package may be written there: readers know one by its name. */
export function hasPackageName(path: string): boolean {
  return /\.mlpackage[\\/]*$/u.test(path)
}

/** Refuses what is no Core ML package, for commands that work on nothing else yet. */
export async function requirePackage(path: string, command: string): Promise<void> {
  if (await isPackage(path)) return
  throw (
    (await whyNoPackage(files, path)) ??
    new MixbitError(
      'unsupported-model',
      `${command} works on Core ML packages (.mlpackage); "${path}" is none.`,
      { path, command },
    )
  )
}

/** Refuses a package beside another kind of model. Throws `not-found` for a path with nothing. */
export async function refusePair(one: string, other: string): Promise<never> {
  throw (
    (await whyNoPackage(files, other)) ??
    new MixbitError(
      'unsupported-model',
      `"${one}" is a Core ML package, and "${other}" is none. Compare two packages, or two models of another kind.`,
      { package: one, other },
    )
  )
}
