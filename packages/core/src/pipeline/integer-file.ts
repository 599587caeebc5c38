import type { Audit, WeightFacts } from '../audit/audit-types.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import { layerPrecision } from '../config/patterns.ts'
import type { OnnxFileModel } from '../convert/read-onnx-file.ts'
import type { IntegerTensor } from '../formats/onnx/qdq/apply-static.ts'
import { BIAS_FORM } from '../formats/onnx/qdq/apply-static.ts'
import type { NestedOperator } from '../formats/onnx/qdq/nested-operators.ts'
import type { EditableDocument } from '../formats/onnx/qdq/editable.ts'
import { documentOf, dropStaleInfo } from '../formats/onnx/qdq/editable.ts'
import { storedBytes } from '../formats/part-bytes.ts'
import { opsetLimit } from '../formats/onnx/opset/raise-document.ts'
import { fitPlan } from '../plan/fit-plan.ts'
import type { LayerPlan, OperatorPlan, Plan } from '../plan/plan-types.ts'
import { formatPrecision, parsePrecision } from '../scheme/precision.ts'
import { elementsOf } from '../tensor/weight.ts'
import type { WrittenOnnx } from './onnx-file.ts'
import { auditOnnxFile, planOnnxFile, quantizeOnnxFile } from './onnx-file.ts'

/** A single file is one component. */
const COMPONENT = 'model'

/** Integer activations that a weight's precision asks for; null for none. */
export type Activations = 'static' | 'dynamic' | null

/** The activations of a single file: those of `--precision`, else of any layer or component. */
export function askedActivations(config: ResolvedConfig): Activations {
  const names = [
    ...(config.precision === null ? [] : [config.precision]),
    ...config.layers.map(({ precision }) => precision),
    ...Object.values(config.components),
  ]
  for (const name of names) {
    const activations = activationsOf(name)
    if (activations !== null) return activations
  }
  return null
}

/** The activations of a precision by name; null for a weight precision. */
export function activationsOf(name: string): Activations {
  const precision = parsePrecision(name)
  return precision.kind === 'affine' ? (precision.activations ?? null) : null
}

/** The operators that a plan keeps float, and why. */
export function plannedFloats(plan: Plan | null): ReadonlyMap<string, string> {
  return new Map(
    (plan?.operators ?? []).flatMap(({ node, runs, reason }) =>
      runs === 'float' ? [[node, reason] as const] : [],
    ),
  )
}

/** The activations of a plan; null for one of weights alone. */
export function plannedActivations({ activations, operators }: Plan): Activations {
  if (activations !== undefined) return 'static'
  return operators === undefined ? null : 'dynamic'
}

/** Why the operator of a weight does not get integer activations; null where it does. */
export function keptFloat(
  config: ResolvedConfig,
  weight: string,
  wanted: Exclude<Activations, null>,
): string | null {
  const name =
    layerPrecision(config.layers, `${COMPONENT}.${weight}`) ??
    config.components[COMPONENT] ??
    config.precision
  if (name !== null && activationsOf(name) === wanted) return null
  return `its weight was asked to be ${name === null ? 'as stored' : formatPrecision(parsePrecision(name))}`
}

export type IntegerFileRequest = {
  readonly model: OnnxFileModel
  readonly config: ResolvedConfig
  readonly document: EditableDocument
  /** Layers that must stay as they are, though their precision says otherwise. */
  readonly keep: readonly string[]
  /** Puts the integers in; what it stored. Called after weights were audited. */
  readonly apply: () => Promise<readonly IntegerTensor[]>
  /** Operators in bodies of others whose activations stay float for being there. */
  readonly nested: readonly NestedOperator[]
  readonly findings: readonly Finding[]
  readonly sections: Pick<Plan, 'activations' | 'operators' | 'runtime' | 'io'>
  /** What other weights become; null as the configuration asks. */
  readonly given: Plan | null
  /** An existing folder, and the file name without `.onnx`; null only plans. */
  readonly place: { readonly folder: string; readonly name: string } | null
}

export type IntegerFile = { readonly plan: Plan; readonly written: WrittenOnnx | null }

/**
 * Plans and writes a file some of whose operators run on integers: their weights as `apply` stores
 * them, the others weight-only as the configuration asks, in 8 bits where it asks for integers.
 */
export async function writeIntegerFile(
  host: Host,
  request: IntegerFileRequest,
): Promise<IntegerFile> {
  const { model, config, document, keep, nested, findings, sections, given, place } = request
  const normal: OnnxFileModel = { ...model, document: documentOf(document) }
  const audit = await auditOnnxFile(host, normal)
  const rest =
    given === null
      ? planOnnxFile(normal, audit, weightOnly(config, keep))
      : fittedPlan(given, audit, document)
  const stored = merged(await request.apply(), document)
  dropStaleInfo(document)
  const plan = withIntegers(rest, audit, stored, [...findings, ...nestedFinding(nested)], {
    ...sections,
    operators: [...(sections.operators ?? []), ...nested.map(floatOperator)],
  })
  if (place === null) return { plan, written: null }
  const integers = new Set(stored.map(({ source }) => `${COMPONENT}.${source}`))
  const written = await quantizeOnnxFile(host, {
    model: { ...model, document: documentOf(document) },
    audit: { ...audit, weights: audit.weights.filter(({ layer }) => !integers.has(layer)) },
    plan: { ...plan, layers: plan.layers.filter(({ layer }) => !integers.has(layer)) },
    ...place,
  })
  return { plan, written }
}

/** What a given plan says of the weights that the model has; biases that it added come again by themselves. */
function fittedPlan(given: Plan, audit: Audit, document: EditableDocument): Plan {
  const known = new Set(audit.weights.map(({ layer }) => layer))
  const layers = given.layers.filter(({ layer, form }) => known.has(layer) || form !== BIAS_FORM)
  const limit = opsetLimit(documentOf(document))
  const limits = limit === null ? null : { [COMPONENT]: limit }
  return fitPlan({ ...given, layers }, audit.weights, 'the plan', limits)
}

/** What is stored of one float tensor, the copies of a bias for several scales together. */
type StoredSource = IntegerTensor & {
  /** Whether the float tensor stays too, for other readers. */
  readonly isKept: boolean
}

function merged(
  stored: readonly IntegerTensor[],
  { graph }: EditableDocument,
): readonly StoredSource[] {
  const kept = new Set(graph.initializer.map(({ name }) => name))
  const sources = new Map<string, StoredSource>()
  for (const tensor of stored) {
    const { source } = tensor
    const first = sources.get(source)
    const elements = tensor.elements + (first?.elements ?? 0)
    const channels = tensor.channels + (first?.channels ?? 0)
    sources.set(source, { ...tensor, elements, channels, isKept: kept.has(source) })
  }
  return [...sources.values()]
}

/** The same wishes for weights alone. */
function weightOnly(config: ResolvedConfig, keep: readonly string[]): ResolvedConfig {
  const plain = (name: string): string => (activationsOf(name) === null ? name : 'int8')
  return {
    ...config,
    precision: config.precision === null ? null : plain(config.precision),
    components: Object.fromEntries(
      Object.entries(config.components).map(([name, precision]) => [name, plain(precision)]),
    ),
    layers: [
      ...config.layers.map((rule) => ({ ...rule, precision: plain(rule.precision) })),
      ...keep.map((weight) => ({ pattern: `${COMPONENT}.${weight}`, precision: 'fp32' })),
    ],
  }
}

function withIntegers(
  rest: Plan,
  audit: Audit,
  stored: readonly StoredSource[],
  findings: readonly Finding[],
  sections: IntegerFileRequest['sections'],
): Plan {
  const integers = new Map(stored.map((tensor) => [`${COMPONENT}.${tensor.source}`, tensor]))
  const facts = new Map(audit.weights.map((weight) => [weight.layer, weight]))
  const planned = rest.layers.map((layer) => {
    const tensor = integers.get(layer.layer)
    integers.delete(layer.layer)
    return tensor === undefined ? layer : integerLayer(layer, tensor, facts.get(layer.layer))
  })
  const layers = [...planned, ...[...integers].map(([layer, tensor]) => newBias(layer, tensor))]
  return {
    ...rest,
    layers,
    bytes: storedBytes(layers),
    findings: [...rest.findings, ...findings.filter((each) => !isAmong(rest.findings, each))],
    ...sections,
  }
}

/** A plan that is given back has its findings already. */
function isAmong(findings: readonly Finding[], { code, subject }: Finding): boolean {
  return findings.some((each) => each.code === code && each.subject === subject)
}

/** A bias that the float model did not have. */
function newBias(layer: string, tensor: StoredSource): LayerPlan {
  const float: LayerPlan = {
    layer,
    component: COMPONENT,
    role: 'vector',
    shape: [tensor.elements],
    scheme: { kind: 'float', dtype: 'float32' },
    algorithm: 'round',
    form: tensor.form,
    bytes: { codes: 0, scales: 0, zeroPoints: 0 },
    reasons: ['it makes up for what rounding the weight does to the mean'],
  }
  return integerLayer(float, tensor, undefined)
}

function integerLayer(
  layer: LayerPlan,
  { dtype, elements, channels, zeroPoints, form, isKept }: StoredSource,
  facts: WeightFacts | undefined,
): LayerPlan {
  if (dtype === 'int32') {
    const float = isKept ? 4 * elementsOf(layer.shape) : 0
    return {
      ...layer,
      scheme: { kind: 'float', dtype: 'float32' },
      form,
      bytes: { codes: 4 * elements + float, scales: 4 * channels, zeroPoints: 0 },
      reasons: [...layer.reasons.slice(0, 1), 'a bias has the scale of the sums it is added to'],
    }
  }
  const axis = facts?.outputAxis ?? 0
  return {
    ...layer,
    scheme: {
      kind: 'affine',
      dtype: 'int8',
      symmetric: true,
      granularity: { kind: 'per-channel', axis },
      scaleDtype: 'float32',
    },
    algorithm: 'round',
    form,
    bytes: { codes: elements, scales: 4 * channels, zeroPoints },
    reasons: ['its operator runs on integers'],
  }
}

function floatOperator({ node, op }: NestedOperator): OperatorPlan {
  return { node, op, runs: 'float', reason: 'it lies in the body of another operator' }
}

function nestedFinding(nested: readonly NestedOperator[]): readonly Finding[] {
  const [first] = nested
  if (first === undefined) return []
  return [
    {
      code: 'nested-operators',
      severity: 'info',
      subject: first.node,
      message:
        `${nested.length} operators that multiply weights lie in bodies of If, Loop or Scan ("${first.node}" ` +
        'first). Their weights are stored in 8 bits; their activations stay float.',
    },
  ]
}

/** Says that nothing could run on integers, so that only weights became smaller. */
export function noIntegersFinding(what: string): Finding {
  return {
    code: 'no-integer-operators',
    severity: 'warning',
    message:
      `The model has no ${what} that can run on integers, so only its weights are quantized. The ` +
      'plan gives the reason of each operator.',
  }
}
