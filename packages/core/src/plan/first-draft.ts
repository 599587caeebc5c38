import type { StoredFacts, WeightFacts } from '../audit/audit-types.ts'
import { ensure } from '../base/error.ts'
import { layerPrecision } from '../config/patterns.ts'
import type { Precision } from '../scheme/precision.ts'
import { formatPrecision, parsePrecision, precisionName, schemeFor } from '../scheme/precision.ts'
import type { Scheme } from '../scheme/scheme.ts'
import type { Draft, PlanRequest } from './draft.ts'
import { storedFloat, storedScheme } from './stored-scheme.ts'

/** What was asked for of a weight, before any rule. */
export function firstDraft(facts: WeightFacts, request: PlanRequest): Draft {
  const { name, source } = askedPrecision(facts, request)
  const precision = parsePrecision(name)
  const kinds =
    request.coreml === undefined ? 'checkpoints and folders of ONNX graphs' : 'Core ML packages'
  ensure(
    precision.kind !== 'affine' || precision.activations === undefined,
    'unsupported-scheme',
    `"${name}" quantizes activations too, which this version does for ONNX files, not for ${kinds}. Use a weight precision such as int8.`,
    { precision: name },
  )
  const isLiteral = source === 'layer' || source === 'precision'
  const { outputAxis, inputAxis } = facts
  // What is compressed and cannot be stored otherwise stays as well where its layer is named.
  const canChange = outputAxis !== null || facts.stored?.isCompressed !== true
  if (source !== 'layer' || !canChange) {
    const left = leftDraft(facts, precision)
    if (left !== null) return left
  }
  if (outputAxis === null || inputAxis === null)
    return floatDraft(facts, { name, precision, isLiteral }, request)
  const scaleDtype = facts.stored?.computes ?? 'float16'
  const scheme = schemeFor(precision, { outputAxis, inputAxis, scaleDtype })
  const asked = precisionName(scheme)
  const reasons = [`${name} by ${source}`]
  const draft: Draft = { facts, scheme, algorithm: 'round', isLiteral, asked, reasons }
  return facts.stored?.isCompressed === true && facts.stored.precision === asked
    ? storedAlready(draft, facts.stored)
    : draft
}

/** What was asked for is how the weight is stored: nothing can be gained by rounding it again. */
function storedAlready(draft: Draft, { precision, hasSignedCodes }: StoredFacts): Draft {
  const reason = hasSignedCodes
    ? `stored as ${precision} already: its values stay, and its codes become unsigned`
    : `stored as ${precision} already`
  return { ...draft, kept: !hasSignedCodes, reasons: [...draft.reasons, reason] }
}

/**
 * What stays as it lies in a package unless its layer is named: weights that are compressed already, and
 * tables and masks that no operator multiplies by.
 */
function leftDraft(facts: WeightFacts, precision: Precision): Draft | null {
  const { stored, role, outputAxis } = facts
  if (stored === undefined) return null
  if (!stored.isCompressed && (role !== 'other' || outputAxis === null)) return null
  const scheme = storedScheme(facts, stored)
  return {
    facts,
    scheme,
    algorithm: 'round',
    isLiteral: false,
    asked: precisionName(scheme),
    kept: stored.isCompressed,
    isLeft: !stored.isCompressed && precision.kind !== 'float',
    reasons: [
      stored.isCompressed
        ? `stored as ${stored.precision} already`
        : 'no operator multiplies by it; only --layer stores it otherwise',
    ],
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

type AskedFloat = {
  readonly name: string
  readonly precision: Precision
  readonly isLiteral: boolean
}

/** Biases, norms and other vectors: a handful of values that every output depends on. */
function floatDraft(
  facts: WeightFacts,
  { name, precision, isLiteral }: AskedFloat,
  { floats, layers }: Pick<PlanRequest, 'floats' | 'layers'>,
): Draft {
  const values = precision.kind === 'sparse' ? precision.values : precision
  const isFull = values.kind === 'float' && values.dtype === 'float32'
  const scheme: Scheme =
    floats === 'as-stored'
      ? { kind: 'float', dtype: storedFloat(facts.dtype) }
      : { kind: 'float', dtype: isFull ? 'float32' : 'float16' }
  const isVector = facts.role === 'vector'
  const why = isVector
    ? 'a vector stays float'
    : (facts.whyFloat ?? 'no operator reads this weight from integers')
  // That vectors and masks stay float is the meaning of every precision, not a change of it, unless one
  // of them was named.
  const isNamed = layers.some(({ pattern }) => pattern === facts.layer)
  const isMeant = !isNamed && (isVector || facts.stored !== undefined)
  return {
    facts,
    scheme,
    algorithm: 'round',
    isLiteral,
    asked: isMeant ? precisionName(scheme) : formatPrecision(precision),
    isLeft: precision.kind !== 'float',
    reasons: isNamed ? [`${name} by layer`, why] : [why],
  }
}
