// Builds the packages into packages/*/dist, and the program into packages/mixbit/bundle, each only if one of
// its sources changed:
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
const bundle = join(root, 'scripts', 'bundle-program.mjs')

const compile = [tsc, '-p', 'tsconfig.build.json']

/** In order: mixbit compiles against what core's build wrote. */
const packages = [
  { name: 'core', uses: [], into: ['dist'], commands: [compile] },
  { name: 'studio', uses: [], into: ['dist'], commands: [[vite, 'build', '--logLevel', 'warn']] },
  { name: 'mixbit', uses: ['core'], into: ['dist', 'bundle'], commands: [compile, [bundle]] },
]

for (const item of packages) {
  const folders = item.into.map((folder) => join(root, 'packages', item.name, folder))
  const stamp = join(root, 'node_modules', `.mixbit-build-${item.name}`)
  const sources = hashSources([item.name, ...item.uses])
  const isStamped = existsSync(stamp) && readFileSync(stamp, 'utf8') === sources
  if (isStamped && folders.every((folder) => existsSync(folder)) && !force) continue
  rmSync(stamp, { force: true })
  build(item, folders)
  writeFileSync(stamp, sources)
}

/** Builds from nothing, so that no file of a deleted source stays behind. */
function build({ name, commands }, folders) {
  process.stderr.write(`[build] ${name}\n`)
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  const cwd = join(root, 'packages', name)
  for (const command of commands) {
    const { status } = spawnSync(process.execPath, command, { cwd, stdio: ['ignore', 2, 2] })
    if (status === 0) continue
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    process.stderr.write(`[build] ${name} failed\n`)
    process.exit(status ?? 1)
  }
}

/** One hash over everything that can change the build of these packages. */
function hashSources(names) {
  const hash = createHash('sha256')
  const files = names.flatMap((name) => sourceFiles(join(root, 'packages', name)))
  const shared = ['tsconfig.json', 'package-lock.json', 'scripts/bundle-program.mjs']
  for (const file of [...shared.map((name) => join(root, name)), ...files]) {
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
    if (['assembly', 'bundle', 'dist', 'node_modules', 'test'].includes(entry.name)) return []
    if (entry.isDirectory()) return sourceFiles(path)
    return entry.name.endsWith('.test.ts') ? [] : [path]
  })
}
