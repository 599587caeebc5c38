import { ensure, MixbitError } from '../base/error.ts'
import type { ErrorCode } from '../base/error.ts'
import type { Host } from '../base/host.ts'

/**
 * Largest text file that is read whole. A string of V8 holds 2^29 - 24 characters; the largest file
 * of VQAv2 (annotations of its training set) has 0.37 GB.
 */
export const LARGEST_TEXT_IN_BYTES: number = 512_000_000

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
    const bytes = await source.read(0, source.sizeInBytes)
    return decodeUtf8(bytes, path, code)
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
  const text = await readText(host, path, code)
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

function decodeUtf8(bytes: Uint8Array, path: string, code: ErrorCode): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new MixbitError(code, `"${path}" is not UTF-8 text.`, { file: path }, { cause: error })
  }
}
