// Joins what the command line loads into few files, packages/mixbit/bundle: hundreds of modules read one by
// one delay every command. Run by scripts/build.mjs, after the packages are compiled.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const folder = join(root, 'packages', 'mixbit')

/** Packages with native code or files of their own stay outside, as does what few commands need. */
const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
const outside = Object.keys(dependencies).filter((name) => name !== '@mixbit/core')

const build = await rolldown({
  input: { main: join(folder, 'dist', 'main.js'), worker: join(folder, 'dist', 'worker.js') },
  platform: 'node',
  external: (id) => outside.some((name) => id === name || id.startsWith(`${name}/`)),
})
// One level only: src/places.ts counts on it.
const { output } = await build.write({
  dir: join(folder, 'bundle'),
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
})
await build.close()
writeFileSync(join(folder, 'bundle', 'LICENSES.txt'), licenses(output))

/** The licences of the packages whose code is inside. */
function licenses(chunks) {
  const modules = chunks.flatMap((chunk) => Object.keys(chunk.modules ?? {}))
  const packages = new Set(modules.flatMap((module) => packageOf(module) ?? []))
  const sorted = [...packages].toSorted((a, b) => (a < b ? -1 : 1))
  const texts = sorted.map((path) => {
    const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
    const file = readdirSync(path).find((entry) => /^licen[cs]e/i.test(entry))
    const text = file === undefined ? license : readFileSync(join(path, file), 'utf8')
    return `${name} ${version} (${license})\n\n${text.trim()}\n`
  })
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}

/** The folder of the installed package that a module belongs to; undefined for our own. */
function packageOf(module) {
  const inside = relative(root, module).replaceAll('\\', '/')
  const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(inside)?.[1]
  return found === undefined || !existsSync(join(root, found)) ? undefined : join(root, found)
}
