/** Runs that are not counted: the first ones also allocate memory. */
const WARM_UPS = 2

/** Every model is timed at least this often. */
const LEAST_ROUNDS = 10

/** Enough for a steady median of models that take microseconds. */
const MOST_ROUNDS = 200

/** Beyond the least rounds, timing goes on for so long at most. */
const ENOUGH_SECONDS = 3

/** Runs one model on sample `round` (of any number; it wraps) and says how many seconds that took. */
export type TimedRun = (round: number) => Promise<number>

/**
 * The median time of each model, in seconds. They take turns, sample by sample, and the turns rotate:
 * what else the machine does meanwhile slows all of them alike.
 *
 * @param now - seconds since any fixed moment
 */
export async function interleavedTimes(
  models: readonly TimedRun[],
  now: () => number,
): Promise<readonly number[]> {
  for (const run of models) {
    for (let round = 0; round < WARM_UPS; round++) await run(round)
  }
  const times = models.map((): number[] => [])
  const started = now()
  for (let round = 0; round < MOST_ROUNDS; round++) {
    if (round >= LEAST_ROUNDS && now() - started > ENOUGH_SECONDS) break
    for (let turn = 0; turn < models.length; turn++) {
      const index = (round + turn) % models.length
      times[index]?.push((await models[index]?.(round)) ?? 0)
    }
  }
  return times.map(median)
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
  const high = sorted[Math.floor(sorted.length / 2)] ?? 0
  return (low + high) / 2
}
