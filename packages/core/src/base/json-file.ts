import type { ErrorCode } from './error.ts'
import { MixbitError, ensure } from './error.ts'
import type { Host } from './host.ts'

/** A JSON object as parsed: nothing in it is checked yet. */
export type JsonObject = Readonly<Record<string, unknown>>

/**
 * Largest text file that is read whole. A string of V8 holds 2^29 - 24 characters; the largest file
 * of VQAv2 (annotations of its training set) has 0.37 GB.
 */
const LARGEST_TEXT_IN_BYTES: number = 512_000_000

/** Whether a parsed value is a JSON object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Reads a UTF-8 text file; a byte order mark at its start is dropped. */
export async function readText(
  host: Pick<Host, 'open'>,
  path: string,
  code: ErrorCode,
): Promise<string> {
  const source = await host.open(path)
  try {
    ensure(
      source.sizeInBytes <= LARGEST_TEXT_IN_BYTES,
      'limit-exceeded',
      `"${path}" has ${source.sizeInBytes} bytes; at most ${LARGEST_TEXT_IN_BYTES} are read. Split it.`,
      { file: path, bytes: source.sizeInBytes, limit: LARGEST_TEXT_IN_BYTES },
    )
    return decodeUtf8(await source.read(0, source.sizeInBytes), path, code)
  } finally {
    await source.close()
  }
}

/** Reads a JSON file; what is no JSON gives an error with `code`. */
export async function readJson(
  host: Pick<Host, 'open'>,
  path: string,
  code: ErrorCode,
): Promise<unknown> {
  return parseJsonText(await readText(host, path, code), path, code)
}

/** Parses the text of a JSON file; what is no JSON gives an error with `code`. */
export function parseJsonText(text: string, path: string, code: ErrorCode): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new MixbitError(
      code,
      `"${path}" is not JSON: ${reason}.`,
      { file: path },
      { cause: error },
    )
  }
}

/** Reads a JSON file that must hold an object. Throws `malformed`. */
export async function readJsonObject(host: Pick<Host, 'open'>, path: string): Promise<JsonObject> {
  const value = await readJson(host, path, 'malformed')
  if (isJsonObject(value)) return value
  throw new MixbitError('malformed', `"${path}" must hold a JSON object.`, { file: path })
}

function decodeUtf8(bytes: Uint8Array, path: string, code: ErrorCode): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new MixbitError(code, `"${path}" is not UTF-8 text.`, { file: path }, { cause: error })
  }
}
