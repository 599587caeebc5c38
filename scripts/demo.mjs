// Quantizes the small model that ships with the project and measures it before and after:
//   npm run demo
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

start(join(root, 'scripts', 'setup.mjs'), [])
start(join(root, 'packages', 'mixbit', 'bin', 'mixbit.js'), ['demo', ...process.argv.slice(2)])

function start(script, args) {
  const { status, error } = spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}
