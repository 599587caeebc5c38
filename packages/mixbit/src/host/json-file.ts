import { readFile } from 'node:fs/promises'
import { MixbitError } from '@mixbit/core'
import { reading, systemCode } from './file-error.ts'

/** A JSON object of which nothing is known yet. */
export type JsonObject = Readonly<Record<string, unknown>>

/** The JSON object in a file; undefined when there is no such file. */
export async function readObject(path: string): Promise<JsonObject | undefined> {
  const text = await readOptional(path)
  return text === undefined ? undefined : parseObject(path, text)
}

/** The text of a file; undefined when there is no such file. */
export function readOptional(path: string): Promise<string | undefined> {
  return reading(path, () =>
    readFile(path, 'utf8').catch((error: unknown): undefined => {
      if (systemCode(error) !== 'ENOENT') throw error
    }),
  )
}

/** The JSON object that `text`, read from `path`, holds. */
export function parseObject(path: string, text: string): JsonObject {
  const value: unknown = orMalformed(path, () => JSON.parse(text))
  if (isObject(value)) return value
  throw new MixbitError('malformed', `"${path}" is not a JSON object.`, { file: path })
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Runs `action`; whatever it throws means that the file at `path` is broken. */
export function orMalformed<Result>(path: string, action: () => Result): Result {
  try {
    return action()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const message = `"${path}" cannot be used: ${reason}.`
    throw new MixbitError('malformed', message, { file: path }, { cause: error })
  }
}
