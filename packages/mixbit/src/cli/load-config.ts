import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Parser, parseDocument } from 'yaml'
import { MixbitError, parseConfig } from '@mixbit/core'
import { shownPath } from '../terminal/shown-path.ts'
import type { Settings } from '@mixbit/core'

/** A config is written by hand; a larger file is something else. */
const MAX_CONFIG_BYTES = 100_000

/** Levels of the syntax tree, which has two for each level of the text. */
const MAX_NESTING = 100

/**
 * Reads a config file, YAML or JSON. Paths in it are relative to its own folder; they come back as
 * a person in `cwd` would type them, since plans and reports show them.
 *
 * @param path - as the user wrote it
 * @param cwd - the folder that `path` is relative to
 */
export async function loadConfig(path: string, cwd: string): Promise<Settings> {
  const file = resolve(cwd, path)
  const settings = parseConfig(parseYaml(await readText(file, path), path), path)
  return withPaths(settings, (given) => shownPath(resolve(dirname(file), given), cwd))
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
  refuseDeepNesting(text, name)
  // By default the reader sends warnings to the process, which writes them to stderr.
  const document = parseDocument(text, { prettyErrors: true, logLevel: 'error' })
  const [problem] = [...document.errors, ...document.warnings]
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

/** The syntax tree is built without recursion, and reading it is not: so its depth is checked first. */
function refuseDeepNesting(text: string, name: string): void {
  let level: readonly object[] = [...new Parser().parse(text)]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_NESTING) {
      throw new MixbitError(
        'invalid-config',
        `${name} is nested deeper than ${MAX_NESTING} levels; a config needs four.`,
        { file: name, limit: MAX_NESTING },
      )
    }
    level = level.flatMap(children)
  }
}

/** The nodes of the syntax tree right below one: its own fields, and those of its list of items. */
function children(node: object): readonly object[] {
  return Object.values(node)
    .flatMap((field: unknown): readonly unknown[] => (Array.isArray(field) ? field : [field]))
    .filter((field): field is object => typeof field === 'object' && field !== null)
}

function withPaths(settings: Settings, path: (given: string) => string): Settings {
  const { model, calibration, evaluation } = settings
  return {
    ...settings,
    ...(model !== undefined && { model: path(model) }),
    ...(calibration?.data !== undefined && {
      calibration: { ...calibration, data: path(calibration.data) },
    }),
    ...(evaluation !== undefined && {
      evaluation: evaluation.map((set) => Object.assign({}, set, { data: path(set.data) })),
    }),
  }
}
