import type { JobContext, NamedTensors } from '../base/host.ts'
import type { AnswerInput } from '../tasks/vqa/answer.ts'
import { answerPicture } from '../tasks/vqa/answer.ts'
import type { VlmSession } from '../tasks/vqa/generate.ts'

/** One probe of a session, as a worker needs it. */
export type PictureProbe = {
  readonly session: VlmSession
  readonly sum: string
  readonly count: string
  readonly channels: number
}

/** Input of the pool job `calibrate-picture`. */
export type CalibratePictureInput = {
  readonly answer: AnswerInput
  readonly probes: readonly PictureProbe[]
}

/** Sums over all runs for one picture, in the order of the probes. */
export type CalibratePictureOutput = {
  readonly sums: readonly Float64Array[]
  readonly counts: Float64Array
}

/**
 * Pool job: answers the questions about one picture as evaluation does, and sums up the squares of
 * every weighted operator's input on the way.
 */
export async function calibratePicture(
  input: CalibratePictureInput,
  context: JobContext,
): Promise<CalibratePictureOutput> {
  const sums = input.probes.map(({ channels }) => new Float64Array(channels))
  const counts = new Float64Array(input.probes.length)
  const observe = (session: VlmSession, outputs: NamedTensors): void => {
    for (const [index, probe] of input.probes.entries()) {
      if (probe.session !== session) continue
      addValues(sums[index]!, outputs[probe.sum]?.data)
      counts[index] = counts[index]! + Number(outputs[probe.count]?.data[0] ?? 0)
    }
  }
  await answerPicture(input.answer, context, observe)
  return { sums, counts }
}

function addValues(total: Float64Array, values: NamedTensors[string]['data'] | undefined): void {
  if (!(values instanceof Float32Array)) return
  for (let channel = 0; channel < total.length; channel++) {
    total[channel] = total[channel]! + values[channel]!
  }
}
