import { elementsOf } from '../tensor/weight.ts'

/** A weight, or a slab of it, and how much its errors count. */
export type ImportantWeight = {
  readonly shape: readonly number[]
  readonly outputAxis: number
  readonly inputAxis: number
  /** One an input channel, or one a value of an output channel. */
  readonly importance?: Float32Array
}

/**
 * The importance of each value, in storage order; undefined when there is none.
 *
 * @throws TypeError when there is neither one an input channel nor one a value of an output
 */
export function valueImportance({
  shape,
  outputAxis,
  inputAxis,
  importance,
}: ImportantWeight): Float32Array | undefined {
  if (importance === undefined) return undefined
  const elements = elementsOf(shape)
  const outputs = shape[outputAxis] ?? 1
  const out = new Float32Array(elements)
  const inner = elementsOf(shape.slice(outputAxis + 1))
  if (importance.length * outputs === elements) {
    // Values of an output lie in runs of `inner`, one after another for each output.
    for (let run = 0; run < elements / inner; run++) {
      const from = Math.floor(run / outputs) * inner
      out.set(importance.subarray(from, from + inner), run * inner)
    }
    return out
  }
  const inputs = shape[inputAxis] ?? 1
  if (importance.length !== inputs) {
    throw new TypeError(`${importance.length} importances for ${inputs} input channels`)
  }
  const length = elementsOf(shape.slice(inputAxis + 1))
  for (let run = 0; run < elements / length; run++) {
    out.fill(importance[run % inputs] ?? 0, run * length, (run + 1) * length)
  }
  return out
}
