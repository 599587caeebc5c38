import { MixbitError } from '../../base/error.ts'
import { isJsonObject, type JsonObject } from '../../base/json-file.ts'

/** A JSON file of a model folder with its name for messages. */
export type JsonFile = { readonly file: string; readonly values: JsonObject }

/** The value of a key of the object itself; `null` counts as absent, as in Python's `None`. */
export function valueOf(values: JsonObject, key: string): unknown {
  return Object.hasOwn(values, key) ? (values[key] ?? undefined) : undefined
}

/** The object under a key; empty when absent. */
export function objectOf({ file, values }: JsonFile, key: string): JsonFile {
  const value = valueOf(values, key)
  if (value === undefined) return { file, values: {} }
  if (!isJsonObject(value)) throw badValue(file, key, value, 'an object')
  return { file, values: value }
}

export function integerOf(
  { file, values }: JsonFile,
  key: string,
  range: { readonly min: number; readonly max: number },
): number | undefined {
  const value = valueOf(values, key)
  if (value === undefined) return undefined
  const isInteger = typeof value === 'number' && Number.isInteger(value)
  if (isInteger && range.min <= value && value <= range.max) return value
  throw badValue(file, key, value, `an integer from ${range.min} to ${range.max}`)
}

export function requiredInteger(
  file: JsonFile,
  key: string,
  range: { readonly min: number; readonly max: number },
): number {
  const value = integerOf(file, key, range)
  if (value !== undefined) return value
  throw badValue(file.file, key, undefined, `an integer from ${range.min} to ${range.max}`)
}

/** A number above `min` (excluded), up to `max`. */
export function numberOf(
  { file, values }: JsonFile,
  key: string,
  range: { readonly min: number; readonly max: number },
): number | undefined {
  const value = valueOf(values, key)
  if (value === undefined) return undefined
  if (typeof value === 'number' && range.min < value && value <= range.max) return value
  throw badValue(file, key, value, `a number above ${range.min}, up to ${range.max}`)
}

export function textOf({ file, values }: JsonFile, key: string): string | undefined {
  const value = valueOf(values, key)
  if (value === undefined || typeof value === 'string') return value
  throw badValue(file, key, value, 'a text')
}

export function booleanOf({ file, values }: JsonFile, key: string): boolean | undefined {
  const value = valueOf(values, key)
  if (value === undefined || typeof value === 'boolean') return value
  throw badValue(file, key, value, 'true or false')
}

export function badValue(file: string, key: string, value: unknown, expected: string): MixbitError {
  const found = value === undefined ? 'missing' : (JSON.stringify(value) ?? '').slice(0, 100)
  return new MixbitError('malformed', `"${file}": "${key}" is ${found}; it must be ${expected}.`, {
    file,
    key,
    found,
  })
}
