// Builds the packages into packages/*/dist, each only if one of its sources changed:
//   node scripts/build.mjs [--force]
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const force = process.argv.includes('--force')
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')

/** In order: mixbit compiles against what core's build wrote. */
const packages = [
  { name: 'core', uses: [], command: [tsc, '-p', 'tsconfig.build.json'] },
  { name: 'studio', uses: [], command: [vite, 'build', '--logLevel', 'warn'] },
  { name: 'mixbit', uses: ['core'], command: [tsc, '-p', 'tsconfig.build.json'] },
]

for (const item of packages) {
  const folder = join(root, 'packages', item.name)
  const dist = join(folder, 'dist')
  const stamp = join(root, 'node_modules', `.mixbit-build-${item.name}`)
  const sources = hashSources([item.name, ...item.uses])
  const isBuilt = existsSync(dist) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sources
  if (isBuilt && !force) continue
  rmSync(stamp, { force: true })
  build(item, folder, dist)
  writeFileSync(stamp, sources)
}

/** Builds from nothing, so that no file of a deleted source stays behind. */
function build({ name, command }, folder, dist) {
  process.stderr.write(`[build] ${name}\n`)
  rmSync(dist, { recursive: true, force: true })
  const { status } = spawnSync(process.execPath, command, { cwd: folder, stdio: ['ignore', 2, 2] })
  if (status === 0) return
  rmSync(dist, { recursive: true, force: true })
  process.stderr.write(`[build] ${name} failed\n`)
  process.exit(status ?? 1)
}

/** One hash over everything that can change the build of these packages. */
function hashSources(names) {
  const hash = createHash('sha256')
  const files = names.flatMap((name) => sourceFiles(join(root, 'packages', name)))
  for (const file of [join(root, 'tsconfig.json'), join(root, 'package-lock.json'), ...files]) {
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0')
  }
  return hash.digest('hex')
}

function sourceFiles(folder) {
  const entries = readdirSync(folder, { withFileTypes: true }).toSorted((a, b) =>
    a.name < b.name ? -1 : 1,
  )
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name)
    if (['assembly', 'dist', 'node_modules', 'test'].includes(entry.name)) return []
    if (entry.isDirectory()) return sourceFiles(path)
    return entry.name.endsWith('.test.ts') ? [] : [path]
  })
}
