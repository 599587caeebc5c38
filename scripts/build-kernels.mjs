// Compiles packages/core/assembly into packages/core/src/kernels/simd-bytes.ts:
//   node scripts/build-kernels.mjs           writes the file
//   node scripts/build-kernels.mjs --check   exits 1 if the committed file is not what it would write
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const target = join(root, 'packages/core/src/kernels/simd-bytes.ts')

const source = toSource(await compile(join(root, 'packages/core/assembly/index.ts')))
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== source) {
    console.error(`${relative(root, target)} is out of date: run npm run kernels`)
    process.exitCode = 1
  }
} else {
  writeFileSync(target, source)
}

async function compile(entry) {
  const folder = mkdtempSync(join(tmpdir(), 'mixbit-kernels-'))
  const file = join(folder, 'kernels.wasm')
  const options = ['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge', '--noAssert']
  const features = ['--enable', 'simd', '--runtime', 'stub', '--use', 'abort=']
  const memory = ['--initialMemory', '64', '--maximumMemory', '64']
  const args = [relative(root, entry), '--baseDir', root, '--outFile', file]
  let messages = ''
  const stderr = { write: (text) => void (messages += text) }
  const { error } = await asc.main([...args, ...options, ...features, ...memory], { stderr })
  if (error) throw new Error(`${error.message}\n${messages}`)
  const bytes = readFileSync(file)
  rmSync(folder, { recursive: true })
  return bytes
}

function toSource(bytes) {
  const lines = bytes.toString('base64').match(/.{1,96}/g) ?? []
  return [
    '// Generated from packages/core/assembly by npm run kernels. Do not edit.',
    `/** The compiled SIMD kernels, ${bytes.length} bytes of WebAssembly in base64. */`,
    'export const SIMD_KERNELS_BASE64: string = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('')",
    '',
  ].join('\n')
}
