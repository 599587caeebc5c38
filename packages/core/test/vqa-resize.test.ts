import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { Picture } from '../src/base/host.ts'
import { RESIZE_FILTERS } from '../src/tasks/resize-filter.ts'
import { resizePicture } from '../src/tasks/resize.ts'

const size = z.tuple([z.int(), z.int()])
const golden = z
  .object({
    source: z.string(),
    cases: z.array(
      z.object({
        input: size,
        seed: z.int(),
        output: size,
        filter: z.enum(RESIZE_FILTERS),
        sha256: z.string(),
        rgb: z.string().optional(),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('golden/pillow-resize.json', import.meta.url), 'utf8')))

/** The picture that the golden file's `source` describes. */
function noise([width, height]: readonly [number, number], seed: number): Picture {
  let state = seed
  const rgb = Uint8Array.from({ length: width * height * 3 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  })
  return { width, height, rgb }
}

test.for(golden.cases)(
  'resizePicture equals Pillow bit for bit: $input to $output, $filter',
  ({ input, seed, output, filter, sha256, rgb }) => {
    const resized = resizePicture(noise(input, seed), ...output, filter)
    const hex = Buffer.from(resized.rgb).toString('hex')
    expect(rgb ?? hex).toBe(hex)
    expect(createHash('sha256').update(resized.rgb).digest('hex')).toBe(sha256)
  },
)
