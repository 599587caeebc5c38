import { MixbitError } from '../../base/error.ts'
import type { Chain } from './chain.ts'

/** A part that does not fit to its operation. */
export function misfitting(chain: Chain, what: string): MixbitError {
  const name = (chain.operation.outputs[0]?.name ?? '').slice(0, 200)
  return new MixbitError('malformed', `"${name}": ${chain.op} ${what}. The program is damaged.`, {
    value: name,
    operation: chain.op,
  })
}
