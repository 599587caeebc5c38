import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

const reporter = join(root, 'bench', 'report-usage.mjs')

/**
 * Runs the built command line in a process of its own.
 *
 * @returns stdout, seconds from start to end and of all processors, and the most memory that the process had at once
 *   (maximum resident set, in bytes; worker threads included)
 */
export function runMixbit(args) {
  const started = performance.now()
  const { status, stdout, stderr, output, error } = spawnSync(
    process.execPath,
    ['--import', pathToFileURL(reporter).href, 'packages/mixbit/bin/mixbit.js', ...args],
    {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      maxBuffer: 2 ** 28,
    },
  )
  const seconds = (performance.now() - started) / 1000
  if (error) throw error
  if (status !== 0) throw new Error(`mixbit ${args.join(' ')} ended with ${status}\n${stderr}`)
  const { maxRSS, userCPUTime, systemCPUTime } = JSON.parse(output[3] ?? '')
  const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6
  return { stdout, seconds, cpuSeconds, peakBytes: maxRSS * 1024 }
}

/** One line a figure: what was measured, against what was promised. */
export function printFigure(name, value, unit, limit) {
  const verdict =
    limit === undefined ? '' : `   limit ${limit} ${unit}: ${value < limit ? 'kept' : 'BROKEN'}`
  console.log(`${name.padEnd(28)} ${String(value).padStart(9)} ${unit}${verdict}`)
  if (limit !== undefined && value >= limit) process.exitCode = 1
}
