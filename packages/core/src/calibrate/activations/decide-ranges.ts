import type { CodeRange } from '../../kernels/kernels.ts'
import type { GraphView } from '../../formats/onnx/qdq/graph-view.ts'
import type { IntegerNode, Placement } from '../../formats/onnx/qdq/placement.ts'
import { quantizedValues } from '../../formats/onnx/qdq/activations.ts'
import { ACTIVATION_CODES } from '../../targets/integer-kernels.ts'
import type { IntegerProfile } from '../../targets/integer-kernels.ts'
import type { ActivationPlan } from '../../plan/plan-types.ts'
import type { CalibratedRange } from '../ranges/calibrate-range.ts'
import { autoRange, calibrateRange } from '../ranges/calibrate-range.ts'
import type { ActivationSpec, QuantParams } from '../ranges/quant-params.ts'
import { quantParamsFor } from '../ranges/quant-params.ts'
import type { RangeRuleName } from '../ranges/range-rules.ts'
import { RANGE_RULE_NAMES, rangeRules } from '../ranges/range-rules.ts'
import type { RangeState, RangeSummary } from '../ranges/range-state.ts'
import { summaryOf, unite } from '../ranges/range-state.ts'
import type { ValueRange } from '../ranges/value-range.ts'

/** How ranges are chosen: by one rule, or for each value by what its errors cost. */
export type Calibrator = RangeRuleName | 'auto'

/** The names of all calibrators; the first is the default. */
export const CALIBRATORS: readonly Calibrator[] = ['auto', ...RANGE_RULE_NAMES]

export type DecideRequest = {
  readonly placement: Placement
  readonly view: GraphView
  readonly profile: IntegerProfile
  readonly calibrator: Calibrator
  /** What was seen of each quantized value. */
  readonly states: ReadonlyMap<string, RangeState>
  /** Means of channels, where they were measured. */
  readonly means: ReadonlyMap<string, readonly number[]>
}

/**
 * Range, scale and zero point of every quantized value. Values that a kernel only moves (pooling,
 * reshaping) share theirs, and so do the inputs of a Concat that nothing else reads.
 */
export function decideRanges(request: DecideRequest): readonly ActivationPlan[] {
  const { placement, states } = request
  const values = quantizedValues(placement)
  const groups = tiedValues(request)
  const ends = clipEnds(placement)
  const decided = new Map<string, Omit<ActivationPlan, 'tensor'>>()
  for (const group of new Set(groups.values())) {
    const summaries = group.flatMap((value) => states.get(value) ?? []).map(summaryOf)
    const clips = group.flatMap((value) => ends.get(value) ?? [])
    const plan = decideGroup(request, group, unite(summaries), clips)
    for (const value of group) decided.set(value, plan)
  }
  return values.flatMap((tensor) => {
    const plan = decided.get(tensor)
    const means = request.means.get(tensor)
    if (plan === undefined) return []
    return [{ tensor, ...plan, ...(means === undefined ? {} : { means }) }]
  })
}

function decideGroup(
  { profile, calibrator }: DecideRequest,
  group: readonly string[],
  summary: RangeSummary,
  clips: readonly ValueRange[],
): Omit<ActivationPlan, 'tensor'> {
  const spec = { dtype: profile.activations, symmetric: false } as const
  const found = chosenRange(summary, spec, calibrator)
  const min = Math.max(found.range.min, ...clips.map((clip) => clip.min))
  const max = Math.min(found.range.max, ...clips.map((clip) => clip.max))
  const params = insideClips(
    quantParamsFor({ min, max }, spec),
    clips,
    ACTIVATION_CODES[profile.activations],
  )
  const clipped = found.clipped > 0 ? `, ${(100 * found.clipped).toPrecision(2)} % cut` : ''
  const quality = found.sqnrDb === null ? '' : `: ${found.sqnrDb.toFixed(1)} dB${clipped}`
  const tie = group.length === 1 ? '' : `; one scale for ${group.length} values`
  return { min, max, ...params, rule: found.rule, reason: `${found.rule}${quality}${tie}` }
}

/** Whether a calibrator looks at the ends of batches alone, which is all that is kept for it then. */
export function needsOnlyEnds(calibrator: Calibrator): boolean {
  return calibrator === 'min-max' || calibrator === 'moving-average'
}

function chosenRange(
  summary: RangeSummary,
  spec: ActivationSpec,
  calibrator: Calibrator,
): Pick<CalibratedRange, 'rule' | 'range' | 'sqnrDb' | 'clipped'> {
  if (calibrator === 'auto') return autoRange(summary, spec)
  if (!needsOnlyEnds(calibrator)) return calibrateRange(summary, spec, calibrator)
  const range = rangeRules[calibrator](summary, spec)
  return { rule: calibrator, range, sqnrDb: null, clipped: 0 }
}

/** The runtime drops a Clip only when no code lies beyond its end: the scale gives way by a bit. */
function insideClips(
  { scale, zeroPoint }: QuantParams,
  clips: readonly ValueRange[],
  { qmax }: CodeRange,
): QuantParams {
  const max = Math.min(...clips.map((clip) => clip.max))
  const steps = qmax - zeroPoint
  if (!Number.isFinite(max) || steps === 0) return { scale, zeroPoint }
  let inside = scale
  while (Math.fround(inside * steps) > Math.fround(max)) inside = nextBelow(inside)
  return { scale: inside, zeroPoint }
}

/** The next smaller float32 of a positive normal one. */
function nextBelow(x: number): number {
  const bits = new Int32Array(Float32Array.of(x).buffer)
  bits[0] = (bits[0] ?? 0) - 1
  return new Float32Array(bits.buffer)[0] ?? x
}

/** What QuantizeLinear must cut in place of Relu or Clip, by value. */
function clipEnds({ integers }: Placement): ReadonlyMap<string, ValueRange> {
  return new Map(
    integers.flatMap(({ absorbed, outputs, quantizesOutput }) =>
      absorbed === null || !quantizesOutput
        ? []
        : outputs.map((output) => [output, { min: absorbed.min, max: absorbed.max }] as const),
    ),
  )
}

/** Each value to all that share its scale, itself included. */
function tiedValues(request: DecideRequest): ReadonlyMap<string, readonly string[]> {
  const groups = new Map(quantizedValues(request.placement).map((value) => [value, [value]]))
  const tie = (values: readonly string[]): void => {
    const [first, ...others] = new Set(values.flatMap((value) => groups.get(value) ?? []))
    if (first === undefined) return
    const joined = [first, ...others]
    for (const value of joined) groups.set(value, joined)
  }
  for (const { inputs, outputs, scales } of request.placement.integers) {
    if (scales === 'same') tie([...inputs, ...outputs])
  }
  for (const node of request.placement.integers) {
    if (node.node.opType === 'Concat') tie(concatTie(request, node, groups))
  }
  return groups
}

/**
 * Concat rescales inputs of other scales; where it alone reads an input, one rounding is enough. An
 * input behind a Relu keeps its own scale when others go below 0: its zero must stay the lowest code.
 */
function concatTie(
  { view, states }: DecideRequest,
  { node, inputs, outputs }: IntegerNode,
  groups: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const hasNegative = inputs.some((input) => (states.get(input)?.histogram.min ?? 0) < 0)
  const isOwn = (input: string): boolean =>
    (groups.get(input) ?? []).every((value) => {
      const readers = view.readers(value)
      return value !== input || (readers.length === 1 && readers[0] === node)
    }) && (groups.get(input)?.length ?? 0) === 1
  const tied = inputs.filter(isOwn)
  return hasNegative || tied.length === 0 ? [] : [...tied, ...outputs]
}
