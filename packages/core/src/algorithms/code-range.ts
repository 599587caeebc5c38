import type { CodeRange } from '../kernels/kernels.ts'
import type { IntegerType } from '../scheme/scheme.ts'

const RANGES: Readonly<Record<IntegerType, CodeRange>> = {
  int8: { qmin: -128, qmax: 127 },
  int4: { qmin: -8, qmax: 7 },
  int3: { qmin: -4, qmax: 3 },
  int2: { qmin: -2, qmax: 1 },
}

/**
 * The codes that weights of an integer type use: all of them, but symmetric int8 leaves out -128,
 * as LiteRT asks of weights; at 8 bits the lost code costs nothing.
 *
 * @see https://developers.google.com/edge/litert/quantization/quantization_spec
 */
export function codeRange(integer: IntegerType, symmetric: boolean): CodeRange {
  return integer === 'int8' && symmetric ? { qmin: -127, qmax: 127 } : RANGES[integer]
}
