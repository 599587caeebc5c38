/** How a weight multiplies: by sliding, as a matrix, as a table of rows, or once a time step. */
export type WeightUseKind = 'conv' | 'conv-transpose' | 'matmul' | 'gemm' | 'gather' | 'recurrent'

/** A trained input of an operator call, and which of its axes are channels. */
export type WeightUse = {
  readonly kind: WeightUseKind
  /** Index of the weight among the operator's inputs. */
  readonly input: number
  /** Axis whose slices each make one output channel (a row of a table, a gate's unit). */
  readonly outputAxis: number
  /** Axis whose slices each multiply one input channel. */
  readonly inputAxis: number
  /** Index of the activation that is multiplied; null for a lookup and for a hidden state. */
  readonly activation: number | null
  /** Axis of that activation that holds the input channels; negative counts from the end. */
  readonly activationAxis: number
  /** Groups that the channels are split into; each weight axis of channels may span one group. */
  readonly groups: number
}

/** What an operator call says about itself; knows names and ranks only, no graph. */
export type OperatorCall = {
  readonly op: string
  /** '' is ai.onnx; 'com.microsoft' are ONNX Runtime's own. */
  readonly domain: string
  /** The value of an integer attribute; `undefined` when it is left out. */
  readonly attribute: (name: string) => number | undefined
  /** The rank of an input that is a trained weight; `undefined` when it is none. */
  readonly weightRank: (input: number) => number | undefined
}

type UsesOf = (call: OperatorCall) => readonly WeightUse[]

/**
 * The weights of an operator call; none when no input that can be one is, or when its rank is not what
 * the operator asks. A product of two weights is a constant and has none.
 *
 * @see https://onnx.ai/onnx/operators/
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
export function weightUsesOf(call: OperatorCall): readonly WeightUse[] {
  const table = Object.hasOwn(OPERATORS, call.domain) ? OPERATORS[call.domain] : undefined
  const uses = table !== undefined && Object.hasOwn(table, call.op) ? table[call.op] : undefined
  return uses?.(call) ?? []
}

/** Weight (O, I/groups, k...); activation (N, I, d...). */
const conv: UsesOf = (call) =>
  (call.weightRank(1) ?? 0) < 3
    ? []
    : [
        {
          kind: 'conv',
          input: 1,
          outputAxis: 0,
          inputAxis: 1,
          activation: 0,
          activationAxis: 1,
          groups: call.attribute('group') ?? 1,
        },
      ]

/** Weight (I, O/groups, k...); activation (N, I, d...). */
const convTranspose: UsesOf = (call) =>
  (call.weightRank(1) ?? 0) < 3
    ? []
    : [
        {
          kind: 'conv-transpose',
          input: 1,
          outputAxis: 1,
          inputAxis: 0,
          activation: 0,
          activationAxis: 1,
          groups: call.attribute('group') ?? 1,
        },
      ]

/** y = A' B' + C with A' (M, K) and B' (K, N); `transA` and `transB` store them the other way. */
const gemm: UsesOf = (call) => {
  const transA = (call.attribute('transA') ?? 0) !== 0
  const transB = (call.attribute('transB') ?? 0) !== 0
  return product(call, 'gemm', transA, transB).filter(({ input }) => call.weightRank(input) === 2)
}

/** y = A B with A (..., M, K) and B (..., K, N); a vector has no output channels. */
const matmul: UsesOf = (call) => product(call, 'matmul', false, false)

/** A MatMul that may swap the last two axes of either side; with `transBatch*` others move, too. */
const fusedMatmul: UsesOf = (call) => {
  const isSet = (name: string): boolean => (call.attribute(name) ?? 0) !== 0
  if (isSet('transBatchA') || isSet('transBatchB')) return []
  return product(call, 'matmul', isSet('transA'), isSet('transB'))
}

function product(
  call: OperatorCall,
  kind: 'matmul' | 'gemm',
  transA: boolean,
  transB: boolean,
): readonly WeightUse[] {
  const rankA = call.weightRank(0)
  const rankB = call.weightRank(1)
  if (rankA !== undefined && rankB !== undefined) return []
  if (rankB !== undefined && rankB >= 2) {
    const [rows, columns] = [rankB - 2, rankB - 1]
    const [inputAxis, outputAxis] = transB ? [columns, rows] : [rows, columns]
    const activationAxis = transA ? -2 : -1
    return [{ kind, input: 1, outputAxis, inputAxis, activation: 0, activationAxis, groups: 1 }]
  }
  if (rankA !== undefined && rankA >= 2) {
    const [rows, columns] = [rankA - 2, rankA - 1]
    const [outputAxis, inputAxis] = transA ? [columns, rows] : [rows, columns]
    const activationAxis = transB ? -1 : -2
    return [{ kind, input: 0, outputAxis, inputAxis, activation: 1, activationAxis, groups: 1 }]
  }
  return []
}

/** A table with one row an index along `axis`; the values of a row lie along its last other axis. */
const gather: UsesOf = (call) => {
  const rank = call.weightRank(0) ?? 0
  const said = call.attribute('axis') ?? 0
  const axis = said < 0 ? said + rank : said
  if (rank < 2 || axis < 0 || axis >= rank) return []
  return [
    {
      kind: 'gather',
      input: 0,
      outputAxis: axis,
      inputAxis: axis === rank - 1 ? rank - 2 : rank - 1,
      activation: null,
      activationAxis: -1,
      groups: 1,
    },
  ]
}

/**
 * W (directions, gates * hidden, input) multiplies the input; R (directions, gates * hidden, hidden)
 * multiplies the hidden state, which no value of the graph holds. Each direction has its own channels.
 */
const recurrent: UsesOf = (call) =>
  [1, 2]
    .filter((input) => call.weightRank(input) === 3)
    .map((input) => ({
      kind: 'recurrent',
      input,
      outputAxis: 1,
      inputAxis: 2,
      activation: input === 1 ? 0 : null,
      activationAxis: -1,
      groups: 1,
    }))

const OPERATORS: Readonly<Record<string, Readonly<Record<string, UsesOf>>>> = {
  '': {
    Conv: conv,
    ConvTranspose: convTranspose,
    DeformConv: conv,
    GRU: recurrent,
    Gather: gather,
    Gemm: gemm,
    LSTM: recurrent,
    MatMul: matmul,
    RNN: recurrent,
  },
  'com.microsoft': {
    FusedConv: conv,
    FusedGemm: gemm,
    FusedMatMul: fusedMatmul,
  },
}
