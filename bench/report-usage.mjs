// Loaded into a measured process: tells at its end, on file descriptor 3, what it used.
import { writeSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

if (isMainThread) {
  process.on('exit', () => writeSync(3, JSON.stringify(process.resourceUsage())))
}
