import { slabRows } from '../algorithms/scheme-blocks.ts'
import type { Audit, WeightFacts } from '../audit/audit-types.ts'
import type { CountKeptInput } from '../audit/count-kept.ts'
import { packageSources } from '../audit/package-weights.ts'
import type { Host } from '../base/host.ts'
import type { CoremlModel } from '../formats/coreml/read-package.ts'
import { storedBytes } from '../formats/part-bytes.ts'
import { PLACED_VALUES, fittingRows, placedChunks } from '../kernels/value-chunk.ts'
import { withKept } from '../plan/coreml/kept.ts'
import { prunedFindings } from '../plan/coreml/pruned-findings.ts'
import { formBytes, formFacts } from '../plan/coreml/weight-form.ts'
import type { LayerPlan, Plan } from '../plan/plan-types.ts'
import type { SparseScheme } from '../scheme/scheme.ts'
import { columnsOf } from '../tensor/weight.ts'
import { plannedForms } from './planned-forms.ts'

/** A layer whose size depends on what a mask keeps. */
type Counted = { readonly layer: LayerPlan; readonly input: Omit<CountKeptInput, 'chunk'> }

/**
 * The plan of a package with exact sizes where it had the most that they can be: what lies under a
 * threshold, and how many of a group are zero anyway, is counted. Structured zeros of a weight that
 * has others keep their bound: which runs they are is known when the weight is encoded.
 */
export async function countKeptOfPlan(
  host: Pick<Host, 'pool'>,
  { document }: Pick<CoremlModel, 'document'>,
  audit: Audit,
  plan: Plan,
): Promise<Plan> {
  const facts = new Map(audit.weights.map((weight) => [weight.layer, weight]))
  const counted = plan.layers.flatMap((layer) => toCount(layer, facts.get(layer.layer)))
  if (counted.length === 0) return plan
  const sources = packageSources(document, 'model')
  const owners: string[] = []
  async function* inputs(): AsyncGenerator<CountKeptInput> {
    for (const { layer, input } of counted) {
      const weight = sources.get(layer.layer)
      const multiple = slabRows({ ...FLOATS, pattern: input.pattern }, input)
      if (weight === undefined || multiple === null) continue
      const rows = fittingRows(columnsOf(weight.shape), multiple, PLACED_VALUES)
      for await (const chunk of placedChunks(weight, rows)) {
        owners.push(layer.layer)
        yield { ...input, chunk }
      }
    }
  }
  const totals = new Map<string, number>()
  let done = 0
  for await (const kept of host.pool.map<CountKeptInput, number>('count-kept', inputs())) {
    const owner = owners[done++] ?? ''
    totals.set(owner, (totals.get(owner) ?? 0) + kept)
  }
  return withTotals(plan, { forms: plannedForms(document, audit, plan), totals, audit })
}

const FLOATS = { kind: 'sparse', values: { kind: 'float', dtype: 'float16' } } as const

function toCount(layer: LayerPlan, facts: WeightFacts | undefined): readonly Counted[] {
  const { scheme, bytes } = layer
  if (bytes.isMost !== true || scheme.kind !== 'sparse' || !isLocal(scheme.pattern)) return []
  if (facts === undefined) return []
  const { shape, outputAxis, inputAxis } = formFacts(facts)
  return [{ layer, input: { shape, outputAxis, inputAxis, pattern: scheme.pattern } }]
}

/** Whether each value, or group, is judged without the others. */
function isLocal({ kind }: SparseScheme['pattern']): boolean {
  return kind === 'threshold' || kind === 'n-of-m'
}

type Totals = {
  readonly forms: ReturnType<typeof plannedForms>
  /** How many values are kept, by layer. */
  readonly totals: ReadonlyMap<string, number>
  readonly audit: Audit
}

function withTotals(plan: Plan, { forms, totals, audit }: Totals): Plan {
  const layers = plan.layers.map((layer) => {
    const values = totals.get(layer.layer)
    const form = forms.get(layer.layer)
    if (values === undefined || form === undefined) return layer
    return { ...layer, bytes: formBytes(withKept(form, { values, isExact: true })) }
  })
  const facts = new Map(audit.weights.map((weight) => [weight.layer, weight]))
  const others = plan.findings.filter(({ code }) => code !== 'mostly-zero')
  const findings = [...others, ...prunedFindings(layers, facts, totals)]
  return { ...plan, layers, bytes: storedBytes(layers), findings }
}
