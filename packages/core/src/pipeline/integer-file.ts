import type { Audit, WeightFacts } from '../audit/audit-types.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import { layerPrecision } from '../config/patterns.ts'
import type { OnnxFileModel } from '../convert/read-onnx-file.ts'
import type { IntegerTensor } from '../formats/onnx/qdq/apply-static.ts'
import type { EditableDocument } from '../formats/onnx/qdq/editable.ts'
import { documentOf } from '../formats/onnx/qdq/editable.ts'
import { storedBytes } from '../formats/onnx/forms.ts'
import type { LayerPlan, Plan } from '../plan/plan-types.ts'
import { formatPrecision, parsePrecision } from '../scheme/precision.ts'
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
  readonly findings: readonly Finding[]
  readonly sections: Pick<Plan, 'activations' | 'operators' | 'runtime'>
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
  { model, config, document, keep, apply, findings, sections, place }: IntegerFileRequest,
): Promise<IntegerFile> {
  const normal: OnnxFileModel = { ...model, document: documentOf(document) }
  const audit = await auditOnnxFile(host, normal)
  const rest = planOnnxFile(normal, audit, weightOnly(config, keep))
  const stored = await apply()
  const plan = withIntegers(rest, audit, stored, findings, sections)
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
  stored: readonly IntegerTensor[],
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
    findings: [...rest.findings, ...findings],
    ...sections,
  }
}

/** A bias that the float model did not have. */
function newBias(layer: string, tensor: IntegerTensor): LayerPlan {
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
  { dtype, elements, channels, zeroPoints, form }: IntegerTensor,
  facts: WeightFacts | undefined,
): LayerPlan {
  if (dtype === 'int32') {
    return {
      ...layer,
      scheme: { kind: 'float', dtype: 'float32' },
      form,
      bytes: { codes: 4 * elements, scales: 4 * channels, zeroPoints: 0 },
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
