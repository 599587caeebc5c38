import type { WeightFacts } from '../audit/audit-types.ts'
import { ensure } from '../base/error.ts'
import type { Finding } from '../base/finding.ts'
import { checkPatterns } from '../config/check-patterns.ts'
import { checkComponents, layerPrecision } from '../config/patterns.ts'
import { storedBytes } from '../formats/onnx/forms.ts'
import type { Precision } from '../scheme/precision.ts'
import { formatPrecision, parsePrecision, precisionName, schemeFor } from '../scheme/precision.ts'
import type { FloatType, Scheme } from '../scheme/scheme.ts'
import type { Draft, PlanRequest, Rule } from './draft.ts'
import { refuseNotFinite } from './not-finite.ts'
import type { LayerPlan, Plan } from './plan-types.ts'
import { plannedLayer } from './planned-layer.ts'
import { algorithm } from './rules/algorithm.ts'
import { blocks } from './rules/blocks.ts'
import { depthwise } from './rules/depthwise.ts'
import { kinds } from './rules/kinds.ts'
import { opset, opsetLimitOf } from './rules/opset.ts'
import { protect } from './rules/protect.ts'
import { ranges } from './rules/ranges.ts'
import { storable } from './rules/storable.ts'
import { worth } from './rules/worth.ts'

/** What decides after the asked-for precision, in this order. */
const RULES: readonly Rule[] = [
  protect,
  kinds,
  depthwise,
  blocks,
  storable,
  ranges,
  opset,
  worth,
  algorithm,
]

/**
 * Decides the stored form of every weight: the asked-for precision, then the rules in order.
 *
 * @param weights - every layer once; with scans, values beyond fp16 are seen
 * @throws `not-finite` for a weight with NaN or infinities; `pattern-without-match`
 */
export function makePlan(weights: readonly WeightFacts[], request: PlanRequest): Plan {
  const names = weights.map((weight) => weight.layer)
  checkPatterns(request.layers, names)
  checkComponents(request.components, [...new Set(weights.map((weight) => weight.component))])
  const drafts = weights.map((facts) => {
    // What is only carried may be a mask of infinities.
    if (request.floats === 'half' || facts.outputAxis !== null) refuseNotFinite(facts)
    return RULES.reduce((draft, rule) => rule(draft, request), firstDraft(facts, request))
  })
  const layers = drafts.map((draft) =>
    plannedLayer(draft.facts, draft, opsetLimitOf(request, draft.facts.component)),
  )
  return {
    schema: 'mixbit/plan@1',
    model: request.model,
    target: request.target,
    preset: request.preset,
    protect: request.protect,
    statistics: request.statistics,
    seed: request.seed,
    layers,
    bytes: storedBytes(layers),
    findings: [...adaptedFindings(drafts, request), ...layers.flatMap(sharedTableFindings)],
  }
}

function firstDraft(facts: WeightFacts, request: PlanRequest): Draft {
  const { name, source } = askedPrecision(facts, request)
  const precision = parsePrecision(name)
  ensure(
    precision.kind !== 'affine' || precision.activations === undefined,
    'unsupported-scheme',
    `"${name}" quantizes activations too, which this version does not do yet. Use a weight precision such as int8.`,
    { precision: name },
  )
  const isLiteral = source === 'layer' || source === 'precision'
  const { outputAxis, inputAxis } = facts
  if (outputAxis === null || inputAxis === null)
    return floatDraft(facts, precision, isLiteral, request.floats)
  const scheme = schemeFor(precision, { outputAxis, inputAxis })
  return {
    facts,
    scheme,
    algorithm: 'round',
    isLiteral,
    asked: precisionName(scheme),
    reasons: [`${name} by ${source}`],
  }
}

type Asked = {
  readonly name: string
  readonly source: 'layer' | 'precision' | 'component' | 'default'
}

function askedPrecision(facts: WeightFacts, request: PlanRequest): Asked {
  const byLayer = layerPrecision(request.layers, facts.layer)
  if (byLayer !== undefined) return { name: byLayer, source: 'layer' }
  const byComponent = Object.hasOwn(request.components, facts.component)
    ? request.components[facts.component]
    : undefined
  if (byComponent !== undefined) return { name: byComponent, source: 'component' }
  if (request.precision !== null) return { name: request.precision, source: 'precision' }
  const isKept = request.floats === 'as-stored' && facts.dtype === 'float32'
  return { name: isKept ? 'fp32' : 'fp16', source: 'default' }
}

/** Biases, norms and other vectors: a handful of values that every output depends on. */
function floatDraft(
  facts: WeightFacts,
  precision: Precision,
  isLiteral: boolean,
  floats: PlanRequest['floats'],
): Draft {
  const values = precision.kind === 'sparse' ? precision.values : precision
  const isFull = values.kind === 'float' && values.dtype === 'float32'
  const scheme: Scheme =
    floats === 'as-stored'
      ? { kind: 'float', dtype: storedFloat(facts.dtype) }
      : { kind: 'float', dtype: isFull ? 'float32' : 'float16' }
  const isVector = facts.role === 'vector'
  return {
    facts,
    scheme,
    algorithm: 'round',
    isLiteral,
    // That vectors stay float is the meaning of every precision, not a change of it.
    asked: isVector ? precisionName(scheme) : formatPrecision(precision),
    reasons: [
      isVector
        ? 'a vector stays float'
        : (facts.whyFloat ?? 'no operator reads this weight from integers'),
    ],
  }
}

/** The float dtype in which a weight is stored. */
function storedFloat(dtype: WeightFacts['dtype']): FloatType {
  return dtype === 'float16' || dtype === 'bfloat16' ? dtype : 'float32'
}

/** What the target or the shapes changed against what was asked for, for everyone to see. */
function adaptedFindings(drafts: readonly Draft[], request: PlanRequest): readonly Finding[] {
  const adapted = drafts.filter(
    (draft) => draft.isLiteral && draft.asked !== precisionName(draft.scheme),
  )
  const [first] = adapted
  if (first === undefined) return []
  return [
    {
      code: 'precision-adapted',
      severity: 'info',
      message:
        `${adapted.length} of ${drafts.length} weights take another precision than asked for, ` +
        `because of their shapes or of what ${request.target} can hold ` +
        `("${first.facts.layer}": ${first.reasons.slice(1).join('; ')}). The plan gives each reason.`,
    },
  ]
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
