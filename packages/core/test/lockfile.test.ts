import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'

const Names = z.record(z.string(), z.string())
const LockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      resolved: z.string().optional(),
      dependencies: Names.optional(),
      devDependencies: Names.optional(),
      optionalDependencies: Names.optional(),
    }),
  ),
})

const lockFile = join(import.meta.dirname, '../../../package-lock.json')
const text = readFileSync(lockFile, 'utf8')
const { packages } = LockFile.parse(JSON.parse(text))

describe('package-lock.json', () => {
  // npm leaves out packages for other platforms when the registry lacks them; npm ci then fails there.
  test('holds every package that another platform needs', () => {
    expect(optionalCount()).toBeGreaterThan(50)
    expect(missing('optionalDependencies')).toEqual([])
  })

  test('holds every package that any platform needs', () => {
    expect([...missing('dependencies'), ...missing('devDependencies')]).toEqual([])
  })

  test('pins the tools and libraries of this project exactly', () => {
    const own = Object.entries(packages).filter(
      ([path]) => path === '' || path.startsWith('packages/'),
    )
    const versions = own.flatMap(([, entry]) =>
      Object.entries({ ...entry.dependencies, ...entry.devDependencies }),
    )
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
  })

  test('names no registry host', () => {
    const addresses = Object.values(packages).flatMap(({ resolved }) => resolved ?? [])
    expect(addresses.filter((address) => address.includes('://'))).toEqual([])
  })
})

function optionalCount(): number {
  return Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    .length
}

/** Pairs "package > dependency" for which the file has no entry on the way up to the root. */
function missing(
  kind: 'dependencies' | 'devDependencies' | 'optionalDependencies',
): readonly string[] {
  return Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys(entry[kind] ?? {})
      .filter((name) => !isLocked(path, name))
      .map((name) => `${path} > ${name}`),
  )
}

function isLocked(path: string, name: string): boolean {
  if (packages[path === '' ? `node_modules/${name}` : `${path}/node_modules/${name}`]) return true
  return (
    path !== '' && isLocked(path.slice(0, Math.max(0, path.lastIndexOf('/node_modules/'))), name)
  )
}
