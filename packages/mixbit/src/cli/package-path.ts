import { MixbitError } from '@mixbit/core'

/** Whether a path names a Core ML package. */
export function isPackage(path: string): boolean {
  return /\.mlpackage[\\/]*$/u.test(path)
}

/** Refuses what is no Core ML package, for commands that work on nothing else yet. */
export function requirePackage(path: string, command: string): void {
  if (isPackage(path)) return
  throw new MixbitError(
    'unsupported-model',
    `${command} works on Core ML packages (.mlpackage); "${path}" is none.`,
    { path, command },
  )
}
