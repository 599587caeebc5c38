// Time and memory of quantizing a checkpoint of real size, 1.24 GB of made-up weights:
//   npm run -s bench:quantize-memory -- [--checkpoint <folder that bench:make wrote>] [mixbit's options]
// Without --checkpoint it makes one in a temporary folder and removes it again.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { printFigure, root, runMixbit } from './run-mixbit.mjs'

const MOST_MEGABYTES = 700

const args = process.argv.slice(2)
const at = args.indexOf('--checkpoint')
const [, given] = at === -1 ? [] : args.splice(at, 2)
const folder = mkdtempSync(join(tmpdir(), 'mixbit-bench-'))
try {
  const checkpoint = given ?? makeCheckpoint(join(folder, 'checkpoint'))
  const options = args.length > 0 ? args : ['--preset=balanced', '--algorithm=round']
  const output = join(folder, 'out')
  const run = runMixbit(['quantize', checkpoint, ...options, '-o', output, '--json', '--quiet'])
  console.log(`quantize ${options.join(' ')}`)
  printFigure('whole command', Number(run.seconds.toFixed(1)), 's')
  printFigure('maximum resident set', Math.round(run.peakBytes / 1e6), 'MB', MOST_MEGABYTES)
  printFigure('written', Math.round(JSON.parse(run.stdout).bytes / 1e6), 'MB')
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function makeCheckpoint(path) {
  const { status } = spawnSync(process.execPath, ['bench/make-checkpoint.mjs', '-o', path], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) throw new Error('bench/make-checkpoint.mjs failed')
  return path
}
