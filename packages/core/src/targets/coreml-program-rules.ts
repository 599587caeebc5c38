import type { ComputeUnit, DeviceFinding, Verdict } from './coreml-devices.ts'

const GUIDE = 'https://apple.github.io/coremltools/docs-guides/source'

const ISSUES = 'https://github.com/apple/coremltools/issues'

const PULLS = 'https://github.com/apple/coremltools/pull'

/** What is known of whole programs and their tensors. */
export type ProgramRule = {
  readonly units: readonly ComputeUnit[]
  readonly verdict: Verdict
  /** A value above which it holds, where there is one. */
  readonly limit?: number
  readonly text: string
  readonly finding: DeviceFinding
  readonly sources: readonly string[]
}

/** Names of the rules of whole programs. */
export type ProgramRuleName =
  | 'largeDimension'
  | 'highRank'
  | 'manyBytes'
  | 'float32'
  | 'recurrent'
  | 'signedCodes'

/** By what they are about. Limits are in the unit that the text names. */
export const PROGRAM_RULES: Readonly<Record<ProgramRuleName, ProgramRule>> = {
  largeDimension: {
    units: ['ane'],
    verdict: 'leaves',
    limit: 16_384,
    text: 'dimensions above 16,384 do not fit the Neural Engine, and their operations run elsewhere',
    finding: {
      code: 'ane-large-dimension',
      severity: 'info',
      remedy: 'Split the weight, such as a vocabulary, into parts when the model is converted.',
    },
    sources: [`${ISSUES}/1003`, 'https://github.com/microsoft/onnxruntime/issues/19543'],
  },
  highRank: {
    units: ['ane', 'gpu', 'cpu'],
    verdict: 'fails',
    limit: 5,
    text: 'Core ML takes tensors of up to five dimensions',
    finding: {
      code: 'high-rank',
      severity: 'warning',
      remedy: 'Reshape to five dimensions or fewer when the model is converted.',
    },
    sources: [`${ISSUES}/1723`, 'https://github.com/microsoft/onnxruntime/issues/14212'],
  },
  manyBytes: {
    units: ['ane'],
    verdict: 'fails',
    limit: 2 ** 31,
    text: 'the Neural Engine takes weight files of up to 2 GiB',
    finding: {
      code: 'ane-weight-file',
      severity: 'warning',
      remedy: 'Use fewer bits, or split the model (coremltools: bisect_model).',
    },
    sources: [`${PULLS}/2593`, `${ISSUES}/1807`],
  },
  float32: {
    units: ['ane'],
    verdict: 'leaves',
    text: 'operations in float32 run on GPU and processor; the Neural Engine computes in float16',
    finding: {
      code: 'ane-float32',
      severity: 'info',
      remedy: 'Convert the model again with compute_precision=FLOAT16 to use the Neural Engine.',
    },
    sources: [`${GUIDE}/typed-execution-example.html`],
  },
  recurrent: {
    units: ['ane'],
    verdict: 'leaves',
    text: 'the Neural Engine has no recurrent operators (lstm, gru, rnn); they run elsewhere',
    finding: {
      code: 'ane-recurrent',
      severity: 'info',
      remedy: 'Nothing needs doing; the rest of the model can still run there.',
    },
    sources: [`${ISSUES}/1780`],
  },
  signedCodes: {
    units: ['ane', 'gpu'],
    verdict: 'fails',
    text: 'signed int8 in constexpr_affine_dequantize gives wrong values on GPU and Neural Engine',
    finding: {
      code: 'signed-int8',
      severity: 'warning',
      remedy:
        'Store each again as what it is: its codes become unsigned, and its values stay the same to the last bit.',
    },
    sources: [`${ISSUES}/2114`, `${PULLS}/2677`],
  },
}
