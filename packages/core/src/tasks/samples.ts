/** Which samples are wanted. */
export type SampleChoice = {
  /** Only the first ones in file order. */
  readonly limit?: number
  /** Only so many, spread evenly over file order. */
  readonly spread?: number
}

/** The first `limit` samples, and of these `spread` ones, evenly. */
export function chooseSamples<Sample>(
  samples: readonly Sample[],
  { limit, spread }: SampleChoice,
): readonly Sample[] {
  const first = limit === undefined ? samples : samples.slice(0, limit)
  return spread === undefined ? first : spreadSamples(first, spread)
}

/** `count` samples (or all, if there are fewer), spread evenly over their order. */
export function spreadSamples<Sample>(
  samples: readonly Sample[],
  count: number,
): readonly Sample[] {
  if (count >= samples.length) return samples
  return samples.filter((_, index) => {
    const before = Math.floor((index * count) / samples.length)
    return Math.floor(((index + 1) * count) / samples.length) > before
  })
}
