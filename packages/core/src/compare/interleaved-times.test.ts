import { expect, test } from 'vitest'
import type { TimedRun } from './interleaved-times.ts'
import { interleavedTimes } from './interleaved-times.ts'

/** Models that take given seconds of a clock that only they move; `order` tells who ran when. */
function world(models: readonly ((round: number) => number)[]) {
  let clock = 100
  const order: string[] = []
  const runs = models.map((secondsOf, index): TimedRun => {
    return (round) => {
      order.push(`${index}:${round}`)
      clock += secondsOf(round)
      return Promise.resolve(secondsOf(round))
    }
  })
  return { runs, now: () => clock, order }
}

test('each model gets the median of its own times', async () => {
  const { runs, now } = world([(round) => (round === 3 ? 90 : 1), (round) => 1 + round])
  // Ten rounds: 1 x 9 and 90; 1 to 10.
  expect(await interleavedTimes(runs, now)).toEqual([1, 5.5])
})

test('slow models run twice to warm up and ten times for the clock', async () => {
  const { runs, now, order } = world([() => 2, () => 3])
  await interleavedTimes(runs, now)
  expect(order.slice(0, 4)).toEqual(['0:0', '0:1', '1:0', '1:1'])
  expect(order).toHaveLength(2 * 2 + 2 * 10)
})

test('every model runs every sample, and the turns rotate', async () => {
  const { runs, now, order } = world([() => 1, () => 1, () => 1])
  await interleavedTimes(runs, now)
  const timed = order.slice(6)
  expect(timed.slice(0, 6)).toEqual(['0:0', '1:0', '2:0', '1:1', '2:1', '0:1'])
  expect(timed.toSorted()).toEqual(
    [0, 1, 2]
      .flatMap((model) => Array.from({ length: 10 }, (_, round) => `${model}:${round}`))
      .toSorted(),
  )
})

test('fast models run two hundred times', async () => {
  const { runs, now, order } = world([() => 1e-6])
  await interleavedTimes(runs, now)
  expect(order).toHaveLength(2 + 200)
})

test('no models have no times', async () => {
  expect(await interleavedTimes([], () => 0)).toEqual([])
})
