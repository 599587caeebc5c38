import { expect, test } from 'vitest'

import type { MixbitEvent } from '../base/events.ts'
import { startSteps } from './steps.ts'

/** Steps on a clock that goes on by a second with each look. */
function ticking() {
  const events: MixbitEvent[] = []
  let seconds = 0
  return {
    events,
    steps: startSteps(
      (event) => events.push(event),
      () => seconds++,
    ),
  }
}

test('a step is announced, timed, and says what came out', async () => {
  const { events, steps } = ticking()
  expect(
    await steps.run(
      'read',
      () => Promise.resolve(7),
      (value) => `${value} files`,
    ),
  ).toBe(7)
  expect(steps.list()).toEqual([{ name: 'read', seconds: 1, note: '' }])
  expect(events).toEqual([
    { kind: 'stage', stage: 'read' },
    { kind: 'stage-done', stage: 'read', summary: '7 files' },
  ])
})

test('steps of one name are told apart by what they work on', async () => {
  const { steps } = ticking()
  for (const set of ['val', 'dark']) {
    await steps.run(
      'evaluate float',
      () => Promise.resolve(0),
      () => '',
      set,
    )
  }
  expect(steps.list().map(({ name }) => name)).toEqual([
    'evaluate float: val',
    'evaluate float: dark',
  ])
})

test('a skipped step is in the list with its reason and no time', () => {
  const { events, steps } = ticking()
  steps.skipped('calibrate', 'no data was given')
  expect(steps.list()).toEqual([
    { name: 'calibrate', seconds: null, note: 'skipped: no data was given' },
  ])
  expect(events).toEqual([{ kind: 'notice', message: 'calibrate: skipped, no data was given' }])
})

test('a step that fails is not in the list', async () => {
  const { steps } = ticking()
  await expect(steps.run('read', () => Promise.reject(new Error('gone')), String)).rejects.toThrow(
    'gone',
  )
  expect(steps.list()).toEqual([])
})
