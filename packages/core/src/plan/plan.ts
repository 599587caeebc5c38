import type { WeightFacts } from '../audit/audit-types.ts'
import { ensure } from '../base/error.ts'
import type { Finding } from '../base/finding.ts'
import { checkComponents, checkPatterns, layerPrecision } from '../config/patterns.ts'
import { bytesByPart, formFor } from '../formats/onnx/forms.ts'
import { parsePrecision, schemeFor } from '../scheme/precision.ts'
import type { Draft, PlanRequest, Rule } from './draft.ts'
import type { LayerPlan, Plan } from './plan-types.ts'
import { algorithm } from './rules/algorithm.ts'
import { blocks } from './rules/blocks.ts'
import { depthwise } from './rules/depthwise.ts'
import { protect } from './rules/protect.ts'
import { ranges } from './rules/ranges.ts'
import { storable } from './rules/storable.ts'

/** What decides after the asked-for precision, in this order. */
const RULES: readonly Rule[] = [protect, depthwise, blocks, storable, ranges, algorithm]

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
    refuseNotFinite(facts)
    return RULES.reduce((draft, rule) => rule(draft, request), firstDraft(facts, request))
  })
  const layers = drafts.map(layerPlan)
  return {
    schema: 'mixbit/plan@1',
    model: request.model,
    target: request.target,
    preset: request.preset,
    protect: request.protect,
    statistics: request.statistics,
    seed: request.seed,
    layers,
    bytes: layers.reduce(
      (sum, { bytes }) => sum + bytes.codes + bytes.scales + bytes.zeroPoints,
      0,
    ),
    findings: findingsOf(drafts, request),
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
  const isLiteral = source !== 'component'
  if (facts.outputAxis === null || facts.inputAxis === null)
    return floatDraft(facts, name, isLiteral)
  return {
    facts,
    scheme: schemeFor(precision, { outputAxis: facts.outputAxis, inputAxis: facts.inputAxis }),
    algorithm: 'round',
    isLiteral,
    reasons: [`${name} by ${source}`],
  }
}

type Asked = { readonly name: string; readonly source: 'layer' | 'precision' | 'component' }

function askedPrecision(facts: WeightFacts, request: PlanRequest): Asked {
  const byLayer = layerPrecision(request.layers, facts.layer)
  if (byLayer !== undefined) return { name: byLayer, source: 'layer' }
  const byComponent = request.components[facts.component]
  if (byComponent !== undefined) return { name: byComponent, source: 'component' }
  if (request.precision !== null) return { name: request.precision, source: 'precision' }
  return { name: 'fp16', source: 'component' }
}

/** Biases, norms and other vectors: a handful of values that every output depends on. */
function floatDraft(facts: WeightFacts, name: string, isLiteral: boolean): Draft {
  const dtype = name === 'fp32' ? 'float32' : 'float16'
  const what = facts.role === 'vector' ? 'a vector stays float' : 'its operator needs float values'
  return {
    facts,
    scheme: { kind: 'float', dtype },
    algorithm: 'round',
    isLiteral,
    reasons: [what],
  }
}

function layerPlan(draft: Draft): LayerPlan {
  const { facts, scheme } = draft
  const { layer, component, role, shape } = facts
  const form = formFor({ layer, role, shape, scheme })
  return {
    layer,
    component,
    role,
    shape,
    scheme,
    algorithm: draft.algorithm,
    form: form.name,
    bytes: bytesByPart(form),
    reasons: draft.reasons,
  }
}

function refuseNotFinite(facts: WeightFacts): void {
  const count = facts.scan?.notFinite ?? 0
  ensure(
    count === 0,
    'not-finite',
    `"${facts.layer}" holds ${count} values that are NaN or infinite; quantizing it would hide a ` +
      'broken checkpoint. Export or download the model again.',
    { layer: facts.layer, count },
  )
}

/** What the target or the shapes changed against what was asked for, for everyone to see. */
function findingsOf(drafts: readonly Draft[], request: PlanRequest): readonly Finding[] {
  const adapted = drafts.filter((draft) => draft.isLiteral && draft.reasons.length > 1)
  if (adapted.length === 0) return []
  const [first] = adapted
  const example = first === undefined ? '' : `"${first.facts.layer}": ${first.reasons.at(-1) ?? ''}`
  return [
    {
      code: 'precision-adapted',
      severity: 'info',
      message:
        `${adapted.length} of ${drafts.length} weights take another form than asked for, because ` +
        `${request.target} cannot hold it (${example}). The plan gives each reason.`,
    },
  ]
}
