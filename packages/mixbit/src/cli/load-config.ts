import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { MixbitError, parseConfig } from '@mixbit/core'
import type { Settings } from '@mixbit/core'

/** A config is written by hand; a larger file is something else. */
const MAX_CONFIG_BYTES = 1_000_000

/**
 * Reads a config file, YAML or JSON. Paths in it are relative to its own folder.
 *
 * @param path - as the user wrote it
 * @param cwd - the folder that `path` is relative to
 */
export async function loadConfig(path: string, cwd: string): Promise<Settings> {
  const file = resolve(cwd, path)
  const settings = parseConfig(parseYaml(await readText(file, path), path), path)
  return resolvePaths(settings, dirname(file))
}

async function readText(file: string, name: string): Promise<string> {
  const bytes = await readSmallFile(file, name)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new MixbitError('invalid-config', `${name} is not UTF-8 text.`, { file: name })
  }
}

async function readSmallFile(file: string, name: string): Promise<Uint8Array> {
  try {
    const facts = await stat(file)
    if (!facts.isFile()) {
      throw new MixbitError('not-readable', `The config "${name}" is not a file.`, { file: name })
    }
    if (facts.size > MAX_CONFIG_BYTES) {
      throw new MixbitError(
        'limit-exceeded',
        `The config "${name}" has ${facts.size} bytes; at most ${MAX_CONFIG_BYTES} are read.`,
        { file: name, size: facts.size, limit: MAX_CONFIG_BYTES },
      )
    }
    return await readFile(file)
  } catch (error) {
    if (error instanceof MixbitError) throw error
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    throw new MixbitError(
      isMissing ? 'not-found' : 'not-readable',
      `The config "${name}" ${isMissing ? 'does not exist' : 'cannot be read'}.`,
      { file: name },
      { cause: error },
    )
  }
}

/** JSON is YAML too. The reader bounds aliases, so a small file cannot grow without end. */
function parseYaml(text: string, name: string): unknown {
  const document = parseDocument(text, { prettyErrors: true })
  const [problem] = document.errors
  if (problem !== undefined) {
    const [first = ''] = problem.message.split('\n')
    throw new MixbitError('invalid-config', `${name}: ${first.replace(/:$/u, '.')}`, { file: name })
  }
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new MixbitError('invalid-config', `${name}: ${reason}.`, { file: name }, { cause: error })
  }
}

function resolvePaths(settings: Settings, folder: string): Settings {
  const { model, calibration, evaluation } = settings
  return {
    ...settings,
    ...(model !== undefined && { model: resolve(folder, model) }),
    ...(calibration?.data !== undefined && {
      calibration: { ...calibration, data: resolve(folder, calibration.data) },
    }),
    ...(evaluation !== undefined && {
      evaluation: evaluation.map((set) =>
        Object.assign({}, set, { data: resolve(folder, set.data) }),
      ),
    }),
  }
}
