import type { Host } from '../base/host.ts'

/** Where the progress of a task is told. */
export type Progress = {
  readonly stage: string
  readonly total: number
  readonly unit: string
}

/** Runs one job a sample and tells how far it is; outputs in the order of the inputs. */
export async function runSamples<Input, Output>(
  host: Pick<Host, 'pool' | 'emit'>,
  job: string,
  inputs: Iterable<Input> | AsyncIterable<Input>,
  { stage, total, unit }: Progress,
): Promise<readonly Output[]> {
  const outputs: Output[] = []
  for await (const output of host.pool.map<Input, Output>(job, inputs)) {
    outputs.push(output)
    host.emit({ kind: 'progress', stage, done: outputs.length, total, unit })
  }
  return outputs
}
