import type { NamedTensors, RuntimeTensor, Session, SessionValue } from '../../../base/host.ts'
import { ACTIVATION_CODES } from '../../../targets/integer-kernels.ts'
import { roundHalfToEven } from '../../../tensor/rounding.ts'
import type { BoundaryFacts, BoundaryTensor } from './declare-boundary.ts'

type Ends = ReadonlyMap<string, BoundaryTensor>

/**
 * A session of a model with integer inputs and outputs as one with float ends: what goes in is quantized
 * and what comes out is decoded by the scales that its file states, as everybody who runs it has to.
 */
export function withFloatEnds(session: Session, { inputs, outputs }: BoundaryFacts): Session {
  const [ins, outs] = [endsOf(session.inputs, inputs), endsOf(session.outputs, outputs)]
  return {
    inputs: session.inputs.map((value) => asFloat(value, ins)),
    outputs: session.outputs.map((value) => asFloat(value, outs)),
    run: async (feeds, wanted) => {
      const results = await session.run(mapped(feeds, ins, quantized), wanted)
      return mapped(results, outs, decoded)
    },
    release: session.release,
  }
}

/** Those that the model has as the file says. */
function endsOf(values: readonly SessionValue[], stated: readonly BoundaryTensor[]): Ends {
  const dtypes = new Map(values.map(({ name, dtype }) => [name, dtype]))
  return new Map(
    stated.flatMap((end) => (dtypes.get(end.name) === end.dtype ? [[end.name, end]] : [])),
  )
}

function asFloat(value: SessionValue, ends: Ends): SessionValue {
  return ends.has(value.name) ? { ...value, dtype: 'float32' } : value
}

function mapped(
  tensors: NamedTensors,
  ends: Ends,
  change: (tensor: RuntimeTensor, end: BoundaryTensor) => RuntimeTensor,
): NamedTensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => {
      const end = ends.get(name)
      return [name, end === undefined ? tensor : change(tensor, end)]
    }),
  )
}

/** As QuantizeLinear: `clamp(round(x / scale) + zeroPoint)`; NaN becomes 0. Codes stay as they are. */
function quantized(
  tensor: RuntimeTensor,
  { dtype, scale, zeroPoint }: BoundaryTensor,
): RuntimeTensor {
  const { data, shape } = tensor
  if (!(data instanceof Float32Array)) return tensor
  const { qmin, qmax } = ACTIVATION_CODES[dtype]
  const codes = dtype === 'uint8' ? new Uint8Array(data.length) : new Int8Array(data.length)
  for (const [at, value] of data.entries()) {
    const code = roundHalfToEven(Math.fround(value / scale)) + zeroPoint
    codes[at] = Math.max(qmin, Math.min(qmax, code))
  }
  return { dtype, shape, data: codes }
}

function decoded(tensor: RuntimeTensor, { scale, zeroPoint }: BoundaryTensor): RuntimeTensor {
  const { data, shape } = tensor
  if (!(data instanceof Uint8Array || data instanceof Int8Array)) return tensor
  return {
    dtype: 'float32',
    shape,
    data: Float32Array.from(data, (code) => (code - zeroPoint) * scale),
  }
}
