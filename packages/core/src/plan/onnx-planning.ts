import type { Finding } from '../base/finding.ts'
import { storedBytes } from '../formats/part-bytes.ts'
import type { LayerPlan } from './plan-types.ts'
import { plannedLayer } from './planned-layer.ts'
import type { Planning } from './planning-types.ts'
import { algorithm } from './rules/algorithm.ts'
import { blocks } from './rules/blocks.ts'
import { depthwise } from './rules/depthwise.ts'
import { kinds } from './rules/kinds.ts'
import { opset, opsetLimitOf } from './rules/opset.ts'
import { protect } from './rules/protect.ts'
import { halfOverflow, ranges } from './rules/ranges.ts'
import { storable } from './rules/storable.ts'
import { worth } from './rules/worth.ts'

/** ONNX files and folders. */
export const ONNX_PLANNING: Planning = {
  rules: [protect, kinds, depthwise, blocks, storable, ranges, opset, worth, algorithm],
  layersOf: (decided, request) =>
    decided.map((decision) => {
      const { facts } = decision
      return plannedLayer(facts, decision, opsetLimitOf(request, facts.component))
    }),
  beyondHalf: halfOverflow,
  findingsOf: (layers) => layers.flatMap(sharedTableFindings),
}

/** What a container that cannot share a table would cost. */
function sharedTableFindings(layer: LayerPlan): readonly Finding[] {
  if (layer.role !== 'tied-embedding') return []
  return [
    {
      code: 'table-shared',
      severity: 'info',
      subject: layer.layer,
      message:
        `"${layer.layer}" is both the token table and the output head. It is stored once where ` +
        `graphs can share it; --self-contained stores it again, ${storedBytes([layer])} bytes more.`,
    },
  ]
}
