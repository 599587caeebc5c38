import { toBinary } from '@bufbuild/protobuf'
import type { Chain, ChainInput } from './chain.ts'
import { ValueSchema } from './generated/coreml_pb.ts'

/** Longer literals are never taken for equal: comparing them is not worth it. */
const LONGEST_LITERAL = 1024

/**
 * Equal for chains that give the same values because they are made of the same blobs in the same way;
 * `undefined` for what lies in the program itself, which is a weight of its own each time.
 */
export function identityOf(chain: Chain): string | undefined {
  const blobs = { count: 0 }
  const text = describe(chain, blobs)
  return text === undefined || blobs.count === 0 ? undefined : text
}

function describe(chain: Chain, blobs: { count: number }): string | undefined {
  const inputs: string[] = []
  for (const [name, input] of [...chain.inputs].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const text = describeInput(input, blobs)
    if (text === undefined) return undefined
    inputs.push(`${JSON.stringify(name)}=${text}`)
  }
  return `${chain.op}(${inputs.join()})`
}

function describeInput(input: ChainInput, blobs: { count: number }): string | undefined {
  if (input.kind === 'chain') {
    const text = describe(input.chain, blobs)
    return text === undefined ? undefined : `${text}.${input.output}`
  }
  const { array, value } = input
  if (array !== undefined && array.place !== null) {
    blobs.count++
    const { file, offset } = array.place
    return `${JSON.stringify(file)}@${offset}:${array.dtype}[${array.shape.join()}]`
  }
  const bytes = toBinary(ValueSchema, value)
  return bytes.length > LONGEST_LITERAL ? undefined : `<${bytes.join()}>`
}
