import type { Granularity } from '../scheme/scheme.ts'

/** What Core ML runs operations on: Neural Engine, graphics, processor. */
export const COMPUTE_UNITS = ['ane', 'gpu', 'cpu'] as const

export type ComputeUnit = (typeof COMPUTE_UNITS)[number]

/** How a unit takes something; from `smaller-file-only` on it is worth a finding. */
export type Verdict =
  /** What the unit gains most from. */
  | 'best'
  | 'runs'
  /** Memory and time at run time may be those of float values. */
  | 'smaller-file-only'
  | 'slow'
  /** Operations with it run on another unit. */
  | 'leaves'
  /** Loading or compiling fails, or values are wrong. */
  | 'fails'

/** One side of how a weight is stored: a sparse palette has two. */
export type StoredFacet =
  | {
      readonly kind: 'integers'
      readonly bits: number
      readonly granularity: Granularity['kind']
    }
  /** Output channels that share a table. */
  | { readonly kind: 'palette'; readonly bits: number; readonly channels: number }
  /** The share of zeros, and how many lie beside each other by design. */
  | { readonly kind: 'zeros'; readonly share: number; readonly run: number }

/** What a facet must be; what is left out holds for all. */
export type FacetPattern = {
  readonly kind: StoredFacet['kind']
  readonly bits?: number
  readonly granularity?: readonly Granularity['kind'][]
  /** At most this many output channels share a table. */
  readonly mostChannels?: number
  readonly leastShare?: number
  readonly leastRun?: number
}

/** What is known of one unit. */
export type StoredRule = {
  /** The code of its finding. */
  readonly code: string
  readonly unit: ComputeUnit
  readonly when: FacetPattern
  readonly verdict: Verdict
  /** What is stored, in words: the subject of `text`. */
  readonly what: string
  readonly text: string
  /** What to do instead; absent where nothing needs doing. */
  readonly remedy?: string
  readonly sources: readonly string[]
}

const GUIDE = 'https://apple.github.io/coremltools/docs-guides/source'

const ISSUES = 'https://github.com/apple/coremltools/issues'

const PULLS = 'https://github.com/apple/coremltools/pull'

/**
 * What each unit makes of stored weights; of the rows of a unit the first that fits counts. Mixbit runs
 * where no Core ML is and measured none of it: each row names who says so.
 */
export const STORED_RULES: readonly StoredRule[] = [
  {
    code: 'ane-blocks',
    unit: 'ane',
    when: { kind: 'integers', granularity: ['per-block'] },
    verdict: 'leaves',
    what: 'Integers in blocks',
    text: 'leave the Neural Engine, which takes one scale a tensor or channel, or give wrong values on it',
    remedy:
      'Run there: a 4-bit palette in groups of 16 (palette4/g16), or 8 bits per channel (int8/channel).',
    sources: [
      `${ISSUES}/2510`,
      `${GUIDE}/opt-quantization-perf.html`,
      'https://github.com/apple/coreai-models/issues/279',
    ],
  },
  {
    code: 'ane-channels',
    unit: 'ane',
    when: { kind: 'integers' },
    verdict: 'runs',
    what: 'Integers with one scale a tensor or channel',
    text: 'run on the Neural Engine (one report, of a Mac with M4, saw them on the processor only)',
    sources: [
      `${GUIDE}/opt-quantization-perf.html`,
      'https://github.com/kasper0406/stablehlo-coreml/pull/110',
    ],
  },
  {
    code: 'ane-many-tables',
    unit: 'ane',
    when: { kind: 'palette', mostChannels: 3 },
    verdict: 'slow',
    what: 'Tables of less than four channels',
    text: 'are slow on the Neural Engine: a model of 1.3 billion values took 59 ms a token with a table a channel, 15 ms in groups of 8',
    remedy: 'Groups of 8 or 16 are fast: palette4/g16.',
    sources: [`${GUIDE}/opt-opt1_3.html`, `${GUIDE}/opt-palettization-perf.html`],
  },
  {
    code: 'ane-palette',
    unit: 'ane',
    when: { kind: 'palette' },
    verdict: 'best',
    what: 'Palettes',
    text: 'are what the Neural Engine gains most from; from iOS 17 on it may decode them as it computes',
    sources: [`${GUIDE}/opt-overview.html`, `${GUIDE}/opt-palettization-perf.html`],
  },
  {
    code: 'ane-many-zeros',
    unit: 'ane',
    when: { kind: 'zeros', leastShare: 0.75 },
    verdict: 'best',
    what: 'Three quarters of zeros or more',
    text: 'let the Neural Engine leave out computation',
    sources: [`${GUIDE}/opt-pruning-perf.html`],
  },
  {
    code: 'ane-runs-of-zeros',
    unit: 'ane',
    when: { kind: 'zeros', leastRun: 2 },
    verdict: 'best',
    what: 'Zeros in runs of two or more',
    text: 'let the Neural Engine leave out computation',
    sources: [`${GUIDE}/opt-pruning-perf.html`],
  },
  {
    code: 'ane-zeros',
    unit: 'ane',
    when: { kind: 'zeros' },
    verdict: 'runs',
    what: 'Fewer zeros',
    text: 'make less to load, on the Neural Engine too',
    sources: [`${GUIDE}/opt-pruning-perf.html`],
  },
  {
    code: 'gpu-blocks',
    unit: 'gpu',
    when: { kind: 'integers', bits: 4, granularity: ['per-block'] },
    verdict: 'best',
    what: '4 bits in blocks',
    text: 'save memory, and often time, on the GPU of a Mac',
    sources: [`${GUIDE}/opt-overview.html`, `${GUIDE}/opt-quantization-perf.html`],
  },
  {
    code: 'gpu-integers',
    unit: 'gpu',
    when: { kind: 'integers' },
    verdict: 'runs',
    what: 'Other integers',
    text: 'run on the GPU',
    sources: [`${GUIDE}/opt-quantization-perf.html`],
  },
  {
    code: 'gpu-palette',
    unit: 'gpu',
    when: { kind: 'palette' },
    verdict: 'smaller-file-only',
    what: 'Palettes',
    text: 'may save memory on the GPU, but time is promised for the Neural Engine only',
    remedy: 'For the GPU of a Mac with macOS 15 or newer: 4 bits in blocks (int4/32).',
    sources: [`${GUIDE}/opt-overview.html`],
  },
  {
    code: 'cpu-zeros',
    unit: 'cpu',
    when: { kind: 'zeros', leastShare: 0.5 },
    verdict: 'best',
    what: 'Half of zeros or more',
    text: 'can make linear layers faster on the processor, if they are n of each 4, 8 or 16',
    sources: [`${GUIDE}/opt-pruning-perf.html`],
  },
  {
    code: 'cpu-integers',
    unit: 'cpu',
    when: { kind: 'integers' },
    verdict: 'smaller-file-only',
    what: 'Integers',
    text: 'may be decoded when the model is loaded',
    sources: [`${GUIDE}/opt-quantization-perf.html`],
  },
  {
    code: 'cpu-palette',
    unit: 'cpu',
    when: { kind: 'palette' },
    verdict: 'smaller-file-only',
    what: 'Palettes',
    text: 'may be decoded when the model is loaded',
    sources: [`${GUIDE}/opt-overview.html`],
  },
]

/** What is known of whole programs and their tensors. */
export type ProgramRule = {
  readonly code: string
  readonly units: readonly ComputeUnit[]
  readonly verdict: Verdict
  /** A value above which it holds, where there is one. */
  readonly limit?: number
  readonly text: string
  readonly remedy: string
  readonly sources: readonly string[]
}

/** Names of the rules of whole programs. */
export type ProgramRuleName =
  | 'largeDimension'
  | 'highRank'
  | 'manyBytes'
  | 'float32'
  | 'recurrent'
  | 'signedZero'

/** By what they are about. Where a number has a unit, it stands in the text. */
export const PROGRAM_RULES: Readonly<Record<ProgramRuleName, ProgramRule>> = {
  largeDimension: {
    code: 'ane-large-dimension',
    units: ['ane'],
    verdict: 'leaves',
    limit: 16_384,
    text: 'dimensions above 16,384 do not fit the Neural Engine, and their operations run elsewhere',
    remedy: 'Split the weight, such as a vocabulary, into parts when the model is converted.',
    sources: [`${ISSUES}/1003`, 'https://github.com/microsoft/onnxruntime/issues/19543'],
  },
  highRank: {
    code: 'high-rank',
    units: ['ane', 'gpu', 'cpu'],
    verdict: 'fails',
    limit: 5,
    text: 'Core ML takes tensors of up to five dimensions',
    remedy: 'Reshape to five dimensions or fewer when the model is converted.',
    sources: [`${ISSUES}/1723`, 'https://github.com/microsoft/onnxruntime/issues/14212'],
  },
  manyBytes: {
    code: 'ane-weight-file',
    units: ['ane'],
    verdict: 'fails',
    limit: 2 ** 31,
    text: 'the Neural Engine takes weight files of up to 2 GiB',
    remedy: 'Use fewer bits, or split the model (coremltools: bisect_model).',
    sources: [`${PULLS}/2593`, `${ISSUES}/1807`],
  },
  float32: {
    code: 'ane-float32',
    units: ['ane'],
    verdict: 'leaves',
    text: 'operations in float32 run on GPU and processor; the Neural Engine computes in float16',
    remedy: 'Convert the model again with compute_precision=FLOAT16 to use the Neural Engine.',
    sources: [`${GUIDE}/typed-execution-example.html`],
  },
  recurrent: {
    code: 'ane-recurrent',
    units: ['ane'],
    verdict: 'leaves',
    text: 'the Neural Engine has no recurrent operators (lstm, gru, rnn); they run elsewhere',
    remedy: 'Nothing needs doing; the rest of the model can still run there.',
    sources: [`${ISSUES}/1780`],
  },
  signedZero: {
    code: 'signed-int8',
    units: ['ane', 'gpu'],
    verdict: 'fails',
    text: 'signed int8 with zero point 0 in constexpr_affine_dequantize gives wrong values on GPU and Neural Engine',
    remedy:
      'Store it again, for example with --layer "*=int8": Mixbit writes the same values as unsigned codes.',
    sources: [`${ISSUES}/2114`, `${PULLS}/2677`],
  },
}

/** What the rows of a unit say of one facet of a stored weight. */
export function storedRule(unit: ComputeUnit, facet: StoredFacet): StoredRule | undefined {
  return STORED_RULES.find((rule) => rule.unit === unit && fits(rule.when, facet))
}

/** Whether a verdict is worth telling. */
export function isProblem(verdict: Verdict): boolean {
  return verdict !== 'best' && verdict !== 'runs'
}

function fits(when: FacetPattern, facet: StoredFacet): boolean {
  if (when.kind !== facet.kind) return false
  switch (facet.kind) {
    case 'integers':
      return (
        (when.bits ?? facet.bits) === facet.bits &&
        (when.granularity?.includes(facet.granularity) ?? true)
      )
    case 'palette':
      return facet.channels <= (when.mostChannels ?? facet.channels)
    case 'zeros':
      return facet.share >= (when.leastShare ?? 0) && facet.run >= (when.leastRun ?? 0)
  }
}
