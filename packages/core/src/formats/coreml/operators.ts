import type { WeightRole } from '../../operators/weight-role.ts'
import { weightUsesOf } from '../../operators/weighted-operators.ts'
import type { WeightUse } from '../../operators/weighted-operators.ts'

/** What a MIL operation says about itself. */
export type MilCall = {
  readonly op: string
  /** The value of an integer or boolean parameter that is a constant. */
  readonly integer: (parameter: string) => number | undefined
  /** The rank of a parameter that is a weight; `undefined` when it is none. */
  readonly weightRank: (parameter: string) => number | undefined
}

/** What a weight is to one operation. */
export type MilUse = {
  readonly role: WeightRole
  readonly outputAxis: number
  readonly inputAxis: number
}

/** A row of `operators/` under the name and with the parameters that MIL has for it. */
type MilOperator = {
  readonly op: string
  readonly domain: string
  /** MIL parameters by the index that the row has for them. */
  readonly inputs: readonly string[]
  /** MIL parameters, or fixed values, by the attribute that the row has for them. */
  readonly attributes: Readonly<Record<string, string | number>>
}

/**
 * The MIL operations that multiply by weights or look them up.
 *
 * @see https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html
 */
const OPERATORS: Readonly<Record<string, MilOperator>> = {
  conv: { op: 'Conv', domain: '', inputs: ['x', 'weight'], attributes: { group: 'groups' } },
  conv_transpose: {
    op: 'ConvTranspose',
    domain: '',
    inputs: ['x', 'weight'],
    attributes: { group: 'groups' },
  },
  linear: { op: 'Gemm', domain: '', inputs: ['x', 'weight'], attributes: { transB: 1 } },
  matmul: {
    op: 'FusedMatMul',
    domain: 'com.microsoft',
    inputs: ['x', 'y'],
    attributes: { transA: 'transpose_x', transB: 'transpose_y' },
  },
  gather: { op: 'Gather', domain: '', inputs: ['x'], attributes: { axis: 'axis' } },
}

/** Operations whose weights are (gates * hidden, input) and (gates * hidden, hidden). */
const RECURRENT: ReadonlySet<string> = new Set(['gru', 'lstm', 'rnn'])

const RECURRENT_WEIGHTS: ReadonlySet<string> = new Set([
  'weight_ih',
  'weight_hh',
  'weight_ih_back',
  'weight_hh_back',
])

/** What a weight of this shape is to an operation that reads it as `parameter`. */
export function milUse(call: MilCall, parameter: string, shape: readonly number[]): MilUse {
  if (RECURRENT.has(call.op) && RECURRENT_WEIGHTS.has(parameter) && shape.length === 2) {
    return { role: 'matrix', outputAxis: 0, inputAxis: 1 }
  }
  const row = Object.hasOwn(OPERATORS, call.op) ? OPERATORS[call.op] : undefined
  const uses = row === undefined ? [] : usesOf(call, row)
  const use = uses.find(({ input }) => row?.inputs[input] === parameter)
  return use === undefined ? { role: 'other', outputAxis: 0, inputAxis: 1 } : roleOf(use, shape)
}

function usesOf(
  call: MilCall,
  { op, domain, inputs, attributes }: MilOperator,
): readonly WeightUse[] {
  return weightUsesOf({
    op,
    domain,
    attribute: (name) => {
      const value = attributes[name]
      return typeof value === 'string' ? call.integer(value) : value
    },
    weightRank: (input) => {
      const parameter = inputs[input]
      return parameter === undefined ? undefined : call.weightRank(parameter)
    },
  })
}

function roleOf(use: WeightUse, shape: readonly number[]): MilUse {
  const { outputAxis, inputAxis } = use
  switch (use.kind) {
    case 'conv':
      return { role: isDepthwise(use, shape) ? 'depthwise-conv' : 'conv', outputAxis, inputAxis }
    case 'conv-transpose':
      // Each input channel of a depthwise one makes its own output channel.
      return isDepthwise(use, shape)
        ? { role: 'depthwise-conv', outputAxis: inputAxis, inputAxis: outputAxis }
        : { role: 'conv', outputAxis, inputAxis }
    case 'matmul':
    case 'gemm': {
      const isLinear = use.input === 1 && shape.length === 2
      return { role: isLinear ? 'linear' : 'matrix', outputAxis, inputAxis }
    }
    case 'gather': {
      const isTable = shape.length === 2 && outputAxis === 0
      return { role: isTable ? 'embedding' : 'other', outputAxis, inputAxis }
    }
    case 'recurrent':
      return { role: 'matrix', outputAxis, inputAxis }
  }
}

function isDepthwise(use: WeightUse, shape: readonly number[]): boolean {
  return use.groups > 1 && shape[1] === 1
}
