import { ensure } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import { readText } from '../base/json-file.ts'
import type { LabelNames } from './descriptor-pictures.ts'
import { linesOf } from './pictures.ts'

/** Where a descriptor lies. */
export type DescriptorPlace = {
  readonly file: string
  readonly folder: string
}

/** The class names of a descriptor, from its own list or the lines of a text file; null for none. */
export async function readLabels(
  host: Pick<Host, 'open' | 'within'>,
  labels: LabelNames,
  { folder }: DescriptorPlace,
): Promise<readonly string[] | null> {
  if (typeof labels !== 'string') return labels
  const path = host.within(folder, labels)
  const names = linesOf(await readText(host, path, 'invalid-dataset'))
  ensure(names.length > 0, 'invalid-dataset', `${path} has no class names.`, { file: path })
  return names
}
