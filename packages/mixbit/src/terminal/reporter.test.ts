import type { MixbitEvent } from '@mixbit/core'
import { expect, test } from 'vitest'
import { createReporter } from './reporter.ts'
import { progressText, timeLeftMs } from './progress.ts'
import { plainPaint } from './style.ts'

type Step = MixbitEvent | { readonly kind: 'wait'; readonly ms: number }

function play(
  steps: readonly Step[],
  options: {
    readonly isTTY: boolean
    readonly level?: 'quiet' | 'normal' | 'verbose'
    readonly columns?: number
  },
): string {
  let clock = 0
  let written = ''
  const stream = {
    write: (text: string) => {
      written += text
    },
    isTTY: options.isTTY,
    columns: options.columns ?? 80,
  }
  const level = options.level ?? 'normal'
  const reporter = createReporter(stream, { level, paint: plainPaint, now: () => clock })
  for (const step of steps) {
    if (step.kind === 'wait') clock += step.ms
    else reporter.emit(step)
  }
  reporter.close()
  return written
}

const progress = (done: number, total = 1000): MixbitEvent => ({
  kind: 'progress',
  stage: 'calibrate',
  done,
  total,
  unit: 'images',
})

const CALIBRATION: readonly Step[] = [
  { kind: 'stage', stage: 'calibrate', detail: '1,000 pictures' },
  { kind: 'wait', ms: 500 },
  progress(50),
  { kind: 'wait', ms: 12_000 },
  progress(250),
  { kind: 'wait', ms: 100 },
  progress(251),
  { kind: 'notice', message: 'Picture 252 is grey.' },
  { kind: 'wait', ms: 20_000 },
  progress(1000),
  { kind: 'stage-done', stage: 'calibrate', summary: '120 tensors measured' },
]

test('elsewhere than on a terminal a stage is a few plain lines', () => {
  expect(play(CALIBRATION, { isTTY: false })).toMatchInlineSnapshot(`
    "calibrate: 1,000 pictures
    calibrate: 250/1,000 images, 25 %, 38 s left
    notice: Picture 252 is grey.
    calibrate: 1,000/1,000 images, 100 %
    calibrate: 120 tensors measured (33 s)
    "
  `)
})

test('a stage that has nothing to say yet is a line only when verbose', () => {
  const steps: readonly Step[] = [
    { kind: 'stage', stage: 'audit' },
    { kind: 'wait', ms: 1200 },
    { kind: 'stage-done', stage: 'audit', summary: '' },
  ]
  expect(play(steps, { isTTY: false })).toBe('audit: done in 1.2 s\n')
  expect(play(steps, { isTTY: false, level: 'verbose' })).toBe(
    'audit: started\naudit: done in 1.2 s\n',
  )
})

test('on a terminal one line is redrawn and replaced by the result', () => {
  const frames = play(CALIBRATION, { isTTY: true }).replaceAll('\r\u001B[2K', '\n<erase>')
  expect(frames).toMatchInlineSnapshot(`
    "› calibrate          1,000 pictures
    <erase>› calibrate          ━─────────────────────────────  50/1,000 images, 5 %
    <erase>› calibrate          ━━━━━──────────────────  250/1,000 images, 25 %, 38 s left
    <erase>› calibrate          ━━━━━──────────────────  251/1,000 images, 25 %, 38 s left
    <erase>! Picture 252 is grey.
    › calibrate          ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  1,000/1,000 images, 100 %
    <erase>✓ calibrate          120 tensors measured  33 s
    "
  `)
})

test('a narrow terminal gets lines that do not break', () => {
  for (const columns of [1, 10, 20, 40]) {
    const written = play(CALIBRATION.slice(0, 5), { isTTY: true, columns })
    for (const frame of written.split('\r\u001B[2K')) {
      expect(frame.length).toBeLessThanOrEqual(Math.max(columns, 16))
    }
  }
})

test('quiet shows nothing', () => {
  expect(play(CALIBRATION, { isTTY: true, level: 'quiet' })).toBe('')
})

test('verbose writes lines more often', () => {
  const steps = Array.from({ length: 30 }, (_, i): readonly Step[] => [
    progress(i),
    { kind: 'wait', ms: 1000 },
  ])
  const lines = (level: 'normal' | 'verbose') =>
    play(steps.flat(), { isTTY: false, level }).split('\n').length - 1
  expect([lines('normal'), lines('verbose')]).toEqual([2, 14])
})

test('a thousand events in a moment redraw a terminal once', () => {
  const steps = Array.from({ length: 999 }, (_, i) => progress(i))
  expect(play(steps, { isTTY: true }).split('\r\u001B[2K')).toHaveLength(2)
})

test('messages cannot move the cursor', () => {
  const written = play([{ kind: 'notice', message: 'a\u001B[2Jb\nc' }], { isTTY: true })
  expect(written).toBe('! a\\u001b[2Jb c\n')
})

test.for([
  { done: 0, total: 10, elapsedMs: 5000, left: undefined },
  { done: 5, total: 10, elapsedMs: 999, left: undefined },
  { done: 5, total: 10, elapsedMs: 5000, left: 5000 },
  { done: 1, total: 4, elapsedMs: 2000, left: 6000 },
  { done: 10, total: 10, elapsedMs: 5000, left: undefined },
  { done: 5, total: 0, elapsedMs: 5000, left: undefined },
])('time left after $done of $total in $elapsedMs ms is $left', ({ left, ...facts }) => {
  expect(timeLeftMs({ ...facts, unit: '' })).toBe(left)
})

test('progress without a total is a count', () => {
  expect(progressText({ done: 1234, total: 0, unit: 'images', elapsedMs: 5000 })).toBe(
    '1,234 images',
  )
  expect(progressText({ done: 5, total: 10, unit: 'images', elapsedMs: 5000 })).toBe(
    '5/10 images, 50 %, 5.0 s left',
  )
})
