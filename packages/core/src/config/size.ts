import { ensure } from '../base/error.ts'

/** Bytes of each unit. MB is 10^6 and MiB 2^20, as disks and phones count. */
const UNIT_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
}

/** A regular expression that every size in text matches, for editors. */
export const SIZE_PATTERN = '^[0-9]+(\\.[0-9]+)? ?([kKmMgG]?[iI]?[bB])?$'

/** What a size may look like, for messages. */
export const SIZE_FORMS = 'bytes, or a number with kB, MB, GB (powers of 1000) or KiB, MiB, GiB'

/** Reads a size, as `412MB` or `431000000`, in bytes. Throws `invalid-config`. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([a-z]*)$/iu.exec(text)
  const unit = (match?.[2] ?? '').toLowerCase()
  const bytesPerUnit =
    unit === '' ? 1 : Object.hasOwn(UNIT_BYTES, unit) ? UNIT_BYTES[unit] : undefined
  const bytes = Math.floor(Number(match?.[1]) * (bytesPerUnit ?? Number.NaN))
  ensure(
    Number.isSafeInteger(bytes) && bytes > 0,
    'invalid-config',
    `"${text}" is not a size. Give ${SIZE_FORMS}, for example 412MB.`,
    { found: text },
  )
  return bytes
}
