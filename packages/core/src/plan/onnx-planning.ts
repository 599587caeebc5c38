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
}
