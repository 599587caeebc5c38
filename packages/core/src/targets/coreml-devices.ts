import type { Finding } from '../base/finding.ts'
import type { Granularity } from '../scheme/scheme.ts'

/** What Core ML runs operations on: Neural Engine, graphics, processor. */
export const COMPUTE_UNITS = ['ane', 'gpu', 'cpu'] as const

export type ComputeUnit = (typeof COMPUTE_UNITS)[number]

/** How a unit takes something. */
export type Verdict =
  /** What the unit gains most from. */
  | 'best'
  | 'runs'
  /** Takes less room; not known to be faster. */
  | 'smaller'
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

/** How a rule is told where it holds. */
export type DeviceFinding = {
  readonly code: string
  readonly severity: Finding['severity']
  /** What to do instead, in a sentence. */
  readonly remedy: string
}

/** What is known of one unit. */
export type StoredRule = {
  readonly unit: ComputeUnit
  readonly when: FacetPattern
  readonly verdict: Verdict
  /** What is stored, in words: the subject of `text`. */
  readonly what: string
  readonly text: string
  /** Absent where nothing needs doing. */
  readonly finding?: DeviceFinding
  readonly sources: readonly string[]
}

const GUIDE = 'https://apple.github.io/coremltools/docs-guides/source'

const ISSUES = 'https://github.com/apple/coremltools/issues'

/**
 * What each unit makes of stored weights; of the rows of a unit the first that fits counts. Mixbit runs
 * where no Core ML is and measured none of it: each row names who says so.
 */
export const STORED_RULES: readonly StoredRule[] = [
  {
    unit: 'ane',
    when: { kind: 'integers', granularity: ['per-block'] },
    verdict: 'leaves',
    what: 'Integers in blocks',
    text: 'leave the Neural Engine, which takes one scale a tensor or channel, or give wrong values on it',
    finding: {
      code: 'ane-blocks',
      severity: 'info',
      remedy:
        'Run there: a 4-bit palette in groups of 16 (palette4/g16), or 8 bits per channel (int8/channel).',
    },
    sources: [
      `${ISSUES}/2510`,
      `${GUIDE}/opt-quantization-perf.html`,
      'https://github.com/apple/coreai-models/issues/279',
    ],
  },
  {
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
    unit: 'ane',
    when: { kind: 'palette', mostChannels: 3 },
    verdict: 'slow',
    what: 'Tables of less than four channels',
    text: 'are slow on the Neural Engine: a model of 1.3 billion values took 59 ms a token with a table a channel, 15 ms in groups of 8',
    finding: {
      code: 'ane-many-tables',
      severity: 'info',
      remedy:
        'Groups of 8 or 16 that divide the output channels are fast; where none does, one table of two bits more (palette6 for palette4) loses less than one of as many.',
    },
    sources: [`${GUIDE}/opt-opt1_3.html`, `${GUIDE}/opt-palettization-perf.html`],
  },
  {
    unit: 'ane',
    when: { kind: 'palette' },
    verdict: 'best',
    what: 'Palettes',
    text: 'are what the Neural Engine gains most from; from iOS 17 on it may decode them as it computes',
    sources: [`${GUIDE}/opt-overview.html`, `${GUIDE}/opt-palettization-perf.html`],
  },
  {
    unit: 'ane',
    when: { kind: 'zeros', leastShare: 0.75 },
    verdict: 'best',
    what: 'Three quarters of zeros or more',
    text: 'let the Neural Engine leave out computation',
    sources: [`${GUIDE}/opt-pruning-perf.html`],
  },
  {
    unit: 'ane',
    when: { kind: 'zeros', leastRun: 2 },
    verdict: 'best',
    what: 'Zeros in runs of two or more',
    text: 'let the Neural Engine leave out computation',
    sources: [`${GUIDE}/opt-pruning-perf.html`],
  },
  {
    unit: 'ane',
    when: { kind: 'zeros' },
    verdict: 'runs',
    what: 'Fewer zeros',
    text: 'make less to load, on the Neural Engine too',
    sources: [`${GUIDE}/opt-pruning-perf.html`],
  },
  {
    unit: 'gpu',
    when: { kind: 'integers', bits: 4, granularity: ['per-block'] },
    verdict: 'best',
    what: '4 bits in blocks',
    text: 'save memory, and often time, on the GPU of a Mac',
    sources: [`${GUIDE}/opt-overview.html`, `${GUIDE}/opt-quantization-perf.html`],
  },
  {
    unit: 'gpu',
    when: { kind: 'integers' },
    verdict: 'runs',
    what: 'Other integers',
    text: 'run on the GPU',
    sources: [`${GUIDE}/opt-quantization-perf.html`],
  },
  {
    unit: 'gpu',
    when: { kind: 'palette' },
    verdict: 'smaller',
    what: 'Palettes',
    text: 'may save memory on the GPU, but time is promised for the Neural Engine only',
    finding: {
      code: 'gpu-palette',
      severity: 'info',
      remedy: 'For the GPU of a Mac with macOS 15 or newer: 4 bits in blocks (int4/32).',
    },
    sources: [`${GUIDE}/opt-overview.html`],
  },
  {
    unit: 'cpu',
    when: { kind: 'zeros', leastShare: 0.5 },
    verdict: 'best',
    what: 'Half of zeros or more',
    text: 'can make linear layers faster on the processor, if they are n of each 4, 8 or 16',
    sources: [`${GUIDE}/opt-pruning-perf.html`],
  },
  {
    unit: 'cpu',
    when: { kind: 'integers' },
    verdict: 'smaller',
    what: 'Integers',
    text: 'may be decoded when the model is loaded',
    sources: [`${GUIDE}/opt-quantization-perf.html`],
  },
  {
    unit: 'cpu',
    when: { kind: 'palette' },
    verdict: 'smaller',
    what: 'Palettes',
    text: 'may be decoded when the model is loaded',
    sources: [`${GUIDE}/opt-overview.html`],
  },
]

/** What the rows of a unit say of one facet of a stored weight. */
export function storedRule(unit: ComputeUnit, facet: StoredFacet): StoredRule | undefined {
  return STORED_RULES.find((rule) => rule.unit === unit && fits(rule.when, facet))
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
