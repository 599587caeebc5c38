import { MixbitError, ensure } from '../base/error.ts'
import type { RuntimeTensor } from '../base/host.ts'
import { floatToHalf, halfToFloat } from '../kernels/convert.ts'
import { roundHalfToEven } from '../tensor/rounding.ts'

type Integer = 'int64' | 'int32' | 'int8' | 'uint8' | 'bool'

/** Least and largest value; for int64 those that a double holds exactly. */
const RANGES: Readonly<Record<Integer, readonly [number, number]>> = {
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int8: [-128, 127],
  uint8: [0, 255],
  bool: [0, 1],
}

/** The values of any tensor of the runtime as float32; 64-bit integers are rounded. */
export function toFloat32(tensor: RuntimeTensor): Float32Array {
  const { data } = tensor
  if (data instanceof Float32Array) return data
  if (data instanceof BigInt64Array) return Float32Array.from(data, Number)
  if (!(data instanceof Uint16Array)) return Float32Array.from(data)
  const values = new Float32Array(data.length)
  halfToFloat(values, data)
  return values
}

/**
 * The tensor in the dtype that an input asks for. Values that an integer dtype cannot hold are
 * refused; fractions are rounded to even only for `rounding: 'nearest'`, as pictures need it.
 *
 * @param name - of the input, for messages
 */
export function castTensor(
  tensor: RuntimeTensor,
  dtype: string,
  name: string,
  rounding: 'exact' | 'nearest' = 'exact',
): RuntimeTensor {
  if (tensor.dtype === dtype) return tensor
  const { shape } = tensor
  switch (dtype) {
    case 'float32':
      return { dtype, shape, data: toFloat32(tensor) }
    case 'float16': {
      const values = toFloat32(tensor)
      const data = new Uint16Array(values.length)
      floatToHalf(data, values)
      return { dtype, shape, data }
    }
    case 'int64':
      return {
        dtype,
        shape,
        data: BigInt64Array.from(integers(tensor, dtype, name, rounding), BigInt),
      }
    case 'int32':
      return { dtype, shape, data: Int32Array.from(integers(tensor, dtype, name, rounding)) }
    case 'int8':
      return { dtype, shape, data: Int8Array.from(integers(tensor, dtype, name, rounding)) }
    case 'uint8':
    case 'bool':
      return { dtype, shape, data: Uint8Array.from(integers(tensor, dtype, name, rounding)) }
    default:
      throw new MixbitError(
        'unsupported-dtype',
        `The model's input "${name}" is ${dtype}, which cannot be given here.`,
        { input: name, dtype },
      )
  }
}

function integers(
  tensor: RuntimeTensor,
  dtype: Integer,
  name: string,
  rounding: 'exact' | 'nearest',
): readonly number[] {
  const [least, largest] = RANGES[dtype]
  const values = [...numbers(tensor)]
  return values.map((value) => {
    const whole = rounding === 'nearest' ? roundHalfToEven(value) : value
    ensure(
      Number.isInteger(whole) && whole >= least && whole <= largest,
      'unsupported-dtype',
      `The model's input "${name}" is ${dtype}, which cannot hold the value ${value}.`,
      { input: name, dtype },
    )
    return whole
  })
}

function numbers(tensor: RuntimeTensor): Iterable<number> {
  const { data } = tensor
  if (data instanceof BigInt64Array) return Array.from(data, Number)
  return tensor.dtype === 'float16' ? toFloat32(tensor) : data
}
