import { MixbitError, ensure } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'
import { MANIFEST_PATH, MAX_MANIFEST_BYTES } from './manifest.ts'

/** What looking at a place needs of a host. */
export type PlaceHost = Pick<Host, 'open' | 'list' | 'exists' | 'within'>

/** Whether a folder is a package, whatever its name: its manifest has the keys of one. */
export async function isCoremlPackage(
  host: Pick<Host, 'open' | 'list' | 'within'>,
  folder: string,
): Promise<boolean> {
  const files = (await host.list(folder)) ?? []
  if (!files.includes(MANIFEST_PATH)) return false
  const source = await host.open(host.within(folder, MANIFEST_PATH))
  try {
    if (source.sizeInBytes > MAX_MANIFEST_BYTES) return false
    return hasManifestKeys(new TextDecoder().decode(await source.read(0, source.sizeInBytes)))
  } finally {
    await source.close()
  }
}

function hasManifestKeys(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return false
    return Object.hasOwn(value, 'itemInfoEntries') && Object.hasOwn(value, 'rootModelIdentifier')
  } catch {
    return false
  }
}

/** Throws `not-found` or `unknown-format` unless a path is a folder with a manifest. */
export async function ensurePackage(host: PlaceHost, path: string): Promise<void> {
  const files = await host.list(path)
  if (files === undefined) {
    throw (
      (await whyNoPackage(host, path)) ??
      new MixbitError(
        'unknown-format',
        `"${path}" is a file; a Core ML package is a folder with a ${MANIFEST_PATH}.`,
        { path },
      )
    )
  }
  ensure(
    files.includes(MANIFEST_PATH),
    'not-found',
    `"${path}" is no Core ML package: it has no ${MANIFEST_PATH}.`,
    { path },
  )
}

/**
 * Why a path is no model, where that has to do with Core ML or there is nothing: a compiled model, an
 * archive, something inside a package. Null for everything else.
 */
export async function whyNoPackage(host: PlaceHost, path: string): Promise<MixbitError | null> {
  const files = await host.list(path)
  if (files === undefined && !(await host.exists(path))) {
    return new MixbitError('not-found', `"${path}" does not exist.`, { path })
  }
  if (files?.includes('coremldata.bin') === true || COMPILED.test(path)) return compiled(path)
  const around = await packageAround(host, path)
  if (around !== null) {
    return new MixbitError(
      'unknown-format',
      `"${path}" lies inside a Core ML package. Give the package: "${around}".`,
      { path, package: around },
    )
  }
  if (files !== undefined || !(await isArchive(host, path))) return null
  return new MixbitError(
    'unknown-format',
    `"${path}" is a zip archive. Unpack it, and give the folder that comes out.`,
    { path },
  )
}

/** What Xcode makes of a model for a device. */
const COMPILED = /\.mlmodelc[\\/]*$/iu

function compiled(path: string): MixbitError {
  return new MixbitError(
    'unsupported-model',
    `"${path}" is a compiled Core ML model (.mlmodelc), in which nothing can be changed. Give the ` +
      '.mlpackage that it was compiled from.',
    { path },
  )
}

/** `Data/com.apple.CoreML/weights/weight.bin` is four levels down. */
const MOST_LEVELS = 5

/** The package that a path lies in; null when there is none. */
async function packageAround(host: PlaceHost, path: string): Promise<string | null> {
  let at = path.replace(/[\\/]+$/u, '')
  for (let level = 0; level < MOST_LEVELS && at !== '.' && at !== ''; level++) {
    at = /[\\/]/u.test(at) ? at.replace(/[\\/]+[^\\/]*$/u, '') : '.'
    if (at !== '' && (await isCoremlPackage(host, at))) return at
  }
  return null
}

/** The first bytes of a zip archive. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
const ZIP_MAGIC = [0x50, 0x4b, 0x03, 0x04]

async function isArchive(host: PlaceHost, path: string): Promise<boolean> {
  const source = await host.open(path)
  try {
    if (source.sizeInBytes < ZIP_MAGIC.length) return false
    const head = await source.read(0, ZIP_MAGIC.length)
    return ZIP_MAGIC.every((byte, at) => head[at] === byte)
  } finally {
    await source.close()
  }
}
