/** Samples about the same picture together, in the order in which each picture first appears. */
export function groupByPicture<Sample extends { readonly imagePath: string }>(
  samples: readonly Sample[],
): readonly (readonly Sample[])[] {
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const group = groups.get(sample.imagePath)
    if (group === undefined) groups.set(sample.imagePath, [sample])
    else group.push(sample)
  }
  return [...groups.values()]
}
