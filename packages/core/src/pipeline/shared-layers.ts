import type { Finding } from '../base/finding.ts'
import { liftOnnx } from '../convert/lift-onnx.ts'
import type { OnnxFileModel } from '../convert/read-onnx-file.ts'
import { folderOf } from '../convert/read-onnx-file.ts'
import { storedBytes } from '../formats/part-bytes.ts'
import type { LayerPlan, Plan } from '../plan/plan-types.ts'

/** Whether tensors that lie in the same bytes are stored once, or by each graph that has them. */
export type Tables = 'shared' | 'copied'

/** Layers that lie in the same bytes as a layer of an earlier graph, with that layer. */
export type SharedLayers = ReadonlyMap<string, string>

/** The layers of a graph that lie in external data, by file and bytes. */
export type ExternalLayers = ReadonlyMap<string, string>

/** The layers of a graph that lie in external data and are read in the order of the file. */
export function externalLayers(
  { document, path }: OnnxFileModel,
  component: string,
): ExternalLayers {
  const layers = new Map<string, string>()
  const places = new Map<string, string>()
  for (const [name, region] of document.external ?? []) {
    const { offset, length = '' } = region
    places.set(name, [folderOf(path), region.path, offset, length].join('\0'))
  }
  if (places.size === 0) return layers
  for (const { name, path: nested, order, layer } of liftOnnx(
    document,
    component,
  ).sources.values()) {
    const place = nested === '' && order === 'as-stored' ? places.get(name) : undefined
    if (place !== undefined && !layers.has(place)) layers.set(place, layer)
  }
  return layers
}

/** Which layers of later graphs lie in the bytes of a layer of an earlier one. */
export function sharedLayers(graphs: readonly ExternalLayers[]): SharedLayers {
  const first = new Map<string, string>()
  const shared = new Map<string, string>()
  for (const graph of graphs) {
    for (const [place, layer] of graph) {
      const owner = first.get(place)
      if (owner === undefined) first.set(place, layer)
      else shared.set(layer, owner)
    }
  }
  return shared
}

/** The shared layers that a plan stores in the same bytes, so that they can still share them. */
export function storedOnce(layers: readonly LayerPlan[], shared: SharedLayers): SharedLayers {
  const plans = new Map(layers.map((layer) => [layer.layer, layer]))
  return new Map(
    [...shared].filter(([name, owner]) => {
      const [a, b] = [plans.get(name), plans.get(owner)]
      return a !== undefined && b !== undefined && areStoredAlike(a, b)
    }),
  )
}

/** The forms of lookups and of products by blocks have the same bytes. */
const SAME_BYTES: ReadonlySet<string> = new Set(['MatMulNBits', 'GatherBlockQuantized'])

function areStoredAlike(a: LayerPlan, b: LayerPlan): boolean {
  const isAlike = (left: unknown, right: unknown): boolean =>
    JSON.stringify(left) === JSON.stringify(right)
  if (!isAlike(a.shape, b.shape) || !isAlike(a.scheme, b.scheme)) return false
  if (a.scheme.kind === 'float') return true
  const hasSameBytes = a.form === b.form || (SAME_BYTES.has(a.form) && SAME_BYTES.has(b.form))
  return hasSameBytes && a.algorithm === b.algorithm
}

/**
 * The plan of a folder some of whose layers share their bytes: what is stored once counts once, and
 * findings say of each whether it stays so.
 */
export function withSharedLayers(plan: Plan, shared: SharedLayers, tables: Tables): Plan {
  const once = tables === 'shared' ? storedOnce(plan.layers, shared) : new Map<string, string>()
  const layers = plan.layers.map((layer) => {
    const owner = once.get(layer.layer)
    return owner === undefined ? layer : storedWith(layer, owner)
  })
  const findings = plan.layers.flatMap((layer) => {
    const owner = shared.get(layer.layer)
    if (owner === undefined) return []
    return [once.has(layer.layer) ? sharedFinding(layer, owner) : copiedFinding(layer, owner)]
  })
  return {
    ...plan,
    layers,
    bytes: storedBytes(layers),
    findings: [...plan.findings.filter((finding) => !isOfSharing(finding, shared)), ...findings],
  }
}

/** Whether a plan that was read again says it already. */
function isOfSharing({ code, subject = '' }: Finding, shared: SharedLayers): boolean {
  return (code === 'table-shared' || code === 'table-copied') && shared.has(subject)
}

function storedWith(layer: LayerPlan, owner: string): LayerPlan {
  const reason = `stored with "${owner}", whose bytes it has`
  return {
    ...layer,
    bytes: { codes: 0, scales: 0, zeroPoints: 0 },
    reasons: [...layer.reasons.filter((each) => each !== reason), reason],
  }
}

function sharedFinding(layer: LayerPlan, owner: string): Finding {
  return {
    code: 'table-shared',
    severity: 'info',
    subject: layer.layer,
    message:
      `"${layer.layer}" lies in the bytes of "${owner}" and is stored once, as it was; ` +
      `--self-contained stores it again, ${storedBytes([layer])} bytes more.`,
  }
}

function copiedFinding(layer: LayerPlan, owner: string): Finding {
  return {
    code: 'table-copied',
    severity: 'info',
    subject: layer.layer,
    message:
      `"${layer.layer}" lay in the bytes of "${owner}" and is stored by itself: ` +
      `${storedBytes([layer])} bytes more.`,
  }
}
