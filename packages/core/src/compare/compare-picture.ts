import { ensure } from '../base/error.ts'
import type { JobContext, NamedTensors } from '../base/host.ts'
import type { AnswerInput, VlmModel } from '../tasks/vqa/answer.ts'
import { answerPicture } from '../tasks/vqa/answer.ts'
import type { VlmSession } from '../tasks/vqa/generate.ts'
import { floatData } from '../tasks/vqa/tensors.ts'
import type { MetricSums, Output } from './metrics.ts'
import { addOutput, startMetrics } from './metrics.ts'

/** The outputs that are compared, each with the session that gives it. */
export const COMPARED_OUTPUTS: readonly {
  readonly name: string
  readonly session: VlmSession
}[] = [
  { name: 'image_features', session: 'vision_encoder' },
  { name: 'inputs_embeds', session: 'embed_tokens' },
  { name: 'logits', session: 'decoder_model_merged' },
]

/** Input of the pool job `compare-picture`: two models, one picture, the same questions. */
export type ComparePictureInput = {
  readonly reference: VlmModel
  readonly candidate: VlmModel
  readonly imagePath: string
  readonly questions: AnswerInput['questions']
}

/** Sums in the order of COMPARED_OUTPUTS. */
export type ComparePictureOutput = { readonly sums: readonly MetricSums[] }

/**
 * Pool job: runs both models on a picture and its questions up to the first new token, each with
 * its own features and embeddings, and sums up how far their outputs are apart.
 */
export async function comparePicture(
  input: ComparePictureInput,
  context: JobContext,
): Promise<ComparePictureOutput> {
  const reference = await outputsOf(input.reference, input, context)
  const candidate = await outputsOf(input.candidate, input, context)
  const sums = COMPARED_OUTPUTS.map(({ name }) => {
    const total = startMetrics()
    const own = reference.get(name) ?? []
    const other = candidate.get(name) ?? []
    ensure(
      own.length === other.length,
      'wrong-shape',
      `The models ran "${name}" ${own.length} and ${other.length} times. Compare two versions of the same model.`,
      { output: name },
    )
    for (const [index, output] of own.entries()) {
      const moved = other[index]
      if (moved !== undefined) addOutput(total, output, moved)
    }
    return total
  })
  return { sums }
}

async function outputsOf(
  model: VlmModel,
  input: ComparePictureInput,
  context: JobContext,
): Promise<ReadonlyMap<string, readonly Output[]>> {
  const outputs = new Map<string, Output[]>()
  const observe = (session: VlmSession, all: NamedTensors): void => {
    for (const compared of COMPARED_OUTPUTS) {
      if (compared.session !== session) continue
      const values = floatData(all[compared.name], compared.name)
      const list = outputs.get(compared.name) ?? []
      list.push({ shape: all[compared.name]?.shape ?? [], values })
      outputs.set(compared.name, list)
    }
  }
  const { imagePath, questions } = input
  // One new token: later ones would differ in their inputs, not only in the models.
  await answerPicture(
    { model: { ...model, maxNewTokens: 1 }, imagePath, questions },
    context,
    observe,
  )
  return outputs
}
