// Prints code lines per folder and the bytes of what is built, so that growth is seen:
//   npm run size
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const packages = ['core', 'mixbit', 'studio']

console.log('| folder | code lines | test lines |\n|---|---:|---:|')
const total = { code: 0, test: 0 }
for (const [folder, lines] of countLines()) {
  console.log(`| ${folder} | ${lines.code} | ${lines.test} |`)
  total.code += lines.code
  total.test += lines.test
}
console.log(`| **all** | **${total.code}** | **${total.test}** |\n`)
for (const folder of [...packages.map((name) => `${name}/dist`), 'mixbit/bundle']) {
  console.log(`packages/${folder}: ${builtBytes(folder)} bytes`)
}

/** Lines that hold more than a comment or a brace, by folder; generated files do not count. */
function countLines() {
  const folders = new Map()
  for (const file of packages.flatMap((name) => files(join(root, 'packages', name, 'src')))) {
    if (!/\.tsx?$/.test(file) || file.includes('generated')) continue
    const path = relative(join(root, 'packages'), file).replaceAll('\\', '/')
    const folder = path.split('/').slice(0, -1).slice(0, 3).join('/')
    const lines = folders.get(folder) ?? { code: 0, test: 0 }
    lines[path.endsWith('.test.ts') ? 'test' : 'code'] += codeLines(readFileSync(file, 'utf8'))
    folders.set(folder, lines)
  }
  return [...folders].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function codeLines(text) {
  return text.split('\n').filter((line) => !/^\s*(\/\/.*|\/?\*.*|[{}()[\];,]*)$/.test(line)).length
}

function builtBytes(folder) {
  const built = files(join(root, 'packages', folder))
  return built.reduce((sum, file) => sum + statSync(file).size, 0)
}

function files(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
