import { readFileSync } from 'node:fs'
import { MANIFEST } from '../places.ts'

/** The version of the `mixbit` package. */
export function toolVersion(): string {
  const text = readFileSync(MANIFEST, 'utf8')
  const manifest: unknown = JSON.parse(text)
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
    return String(manifest.version)
  }
  throw new TypeError('package.json has no version')
}
