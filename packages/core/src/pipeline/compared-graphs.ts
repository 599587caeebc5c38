import { MixbitError, ensure } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import { singleGraph } from './evaluate-file.ts'

/** Two ONNX files to compare. */
export type ComparedGraphs = { readonly reference: string; readonly candidate: string }

/**
 * The ONNX files that two paths stand for: themselves, or the graph of a folder that holds one; null
 * when both are model folders.
 *
 * @throws `unsupported-model` when one is a graph and the other is not, `not-found`
 */
export async function comparedGraphs(
  host: Pick<Host, 'open' | 'list' | 'exists' | 'within'>,
  { reference, candidate }: ComparedGraphs,
): Promise<ComparedGraphs | null> {
  const first = await singleGraph(host, reference)
  const second = await singleGraph(host, candidate)
  if (first !== null && second !== null) return { reference: first, candidate: second }
  if (first === null && second === null) return null
  const [graph, other] = first === null ? [candidate, reference] : [reference, candidate]
  const graphs = await graphsOf(host, other)
  const isThere = (await host.list(other)) !== undefined || (await host.exists(other))
  ensure(isThere, 'not-found', `"${other}" does not exist.`, { path: other })
  throw new MixbitError(
    'unsupported-model',
    `"${graph}" is one graph and "${other}" is not. Compare two ONNX files, or two model folders` +
      `${graphs.length === 0 ? '' : `; the folder's graphs are ${graphs.map((name) => `"${name}"`).join(', ')}`}.`,
    { graph, other },
  )
}

/** Names that a message lists. */
const LISTED_GRAPHS = 6

async function graphsOf(
  host: Pick<Host, 'list' | 'within'>,
  folder: string,
): Promise<readonly string[]> {
  const names = (await host.list(host.within(folder, 'onnx'))) ?? []
  return names
    .filter((name) => name.endsWith('.onnx'))
    .toSorted()
    .slice(0, LISTED_GRAPHS)
    .map((name) => `onnx/${name}`)
}
