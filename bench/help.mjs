// How long the command takes to start, as a shell starts it:
//   npm run -s bench:help
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

import { printFigure, root } from './run-mixbit.mjs'

const RUNS = 10
const MOST_MILLISECONDS = 150

const command = join(root, 'node_modules', '.bin', 'mixbit')
const times = Array.from({ length: RUNS }, () => {
  const started = performance.now()
  const { status } = spawnSync(command, ['--help'], {
    cwd: root,
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`${command} --help ended with ${status}`)
  return performance.now() - started
}).toSorted((a, b) => a - b)

const median = (times[RUNS / 2 - 1] + times[RUNS / 2]) / 2
printFigure(`--help, median of ${RUNS}`, Math.round(median), 'ms', MOST_MILLISECONDS)
printFigure('fastest', Math.round(times[0]), 'ms')
printFigure('slowest', Math.round(times.at(-1)), 'ms')
