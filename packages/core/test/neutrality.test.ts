import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const core = join(import.meta.dirname, '..')
const modules = join(core, '..', '..', 'node_modules')
const tsc = join(modules, 'typescript', 'bin', 'tsc')
// Below node_modules, so that @types/node can be found if the options let it in.
const folder = mkdtempSync(join(modules, '.neutrality-'))

afterAll(() => {
  rmSync(folder, { recursive: true })
})

test('the build of core knows no types but those of the language and of web workers', () => {
  const shown = execFileSync(process.execPath, [
    tsc,
    '-p',
    join(core, 'tsconfig.build.json'),
    '--showConfig',
  ])
  const { compilerOptions } = JSON.parse(shown.toString())
  expect(compilerOptions.types).toEqual([])
  expect(compilerOptions.lib).toEqual(['es2023', 'webworker'])
})

test.for([
  { name: 'a name of Node', source: `export const path: string = process.cwd()` },
  { name: 'a name of the page', source: `export const title: string = document.title` },
  {
    name: 'a module of Node',
    source: `import { readFileSync } from 'node:fs'\nexport const read = readFileSync`,
  },
])('$name does not compile with the build of core', ({ source }) => {
  expect(compile(source)).not.toBe('')
})

test('a neutral file compiles with the build of core', () => {
  expect(compile(`export const bytes: Uint8Array = new Uint8Array(4)`)).toBe('')
})

/** What the compiler says of one file under core's build options; empty when it is content. */
function compile(source: string): string {
  const config = JSON.stringify({
    extends: join(core, 'tsconfig.build.json'),
    compilerOptions: { noEmit: true, rootDir: '.' },
    files: ['file.ts'],
    include: [],
  })
  writeFileSync(join(folder, 'file.ts'), `${source}\n`)
  writeFileSync(join(folder, 'tsconfig.json'), config)
  try {
    execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
    return ''
  } catch (error) {
    return String(Object(error).stdout)
  }
}
