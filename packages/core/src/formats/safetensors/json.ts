import { isJsonObject, type JsonObject } from '../../base/json-file.ts'
import { MixbitError } from '../../base/error.ts'

/**
 * Parses JSON that must be one object without duplicate keys: `JSON.parse` would keep the last of
 * them, so two readers could see two files. Keys such as `__proto__` stay plain keys.
 */
export function parseJson(file: string, bytes: Uint8Array): JsonObject {
  const fail = (why: string, cause?: unknown): MixbitError =>
    new MixbitError('malformed', `"${file}" ${why}.`, { file }, { cause })
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(text)
  } catch (cause) {
    throw fail('is not valid JSON in UTF-8', cause)
  }
  if (!isJsonObject(value)) throw fail('does not hold a JSON object')
  if (countTopLevelKeys(text) !== Object.keys(value).length) throw fail('has a key twice')
  return value
}

/** Counts the keys of the outermost object of a valid JSON text: its colons outside of strings. */
function countTopLevelKeys(text: string): number {
  let keys = 0
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (inString) {
      if (character === '\\') i++
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') depth--
    else if (character === ':' && depth === 1) keys++
  }
  return keys
}
