// Resizes pictures with Mixbit's resizer:
//   node oracles/dump-resized.mjs <folder>
// jobs.json there: [{"input": "a.rgb", "output": "b.rgb", "from": [width, height],
// "to": [width, height], "filter": "bicubic"}, ...]; .rgb files hold 8-bit RGB, row-major.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { resizePicture } from '../packages/core/dist/tasks/resize.js'

const [folder = ''] = process.argv.slice(2)
for (const job of JSON.parse(readFileSync(join(folder, 'jobs.json'), 'utf8'))) {
  const rgb = new Uint8Array(readFileSync(join(folder, job.input)))
  const [width, height] = job.from
  const resized = resizePicture({ width, height, rgb }, ...job.to, job.filter)
  writeFileSync(join(folder, job.output), resized.rgb)
}
