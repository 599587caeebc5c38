import type { JobContext } from '../../base/host.ts'
import type { VlmModel } from '../../tasks/vqa/answer.ts'
import { answerPicture } from '../../tasks/vqa/answer.ts'
import { poolOpenAxes, sketch } from './features.ts'

/** Input of the pool job `picture-features`. */
export type PictureFeaturesInput = {
  readonly model: VlmModel
  readonly imagePath: string
  readonly seed: number
}

/** Pool job: what the vision encoder makes of a picture, as the mean over its tokens. */
export async function pictureFeatures(
  { model, imagePath, seed }: PictureFeaturesInput,
  context: JobContext,
): Promise<Float32Array> {
  let features = new Float32Array()
  await answerPicture({ model, imagePath, questions: [] }, context, (_, outputs) => {
    const tensor = outputs['image_features']
    if (tensor !== undefined) features = poolOpenAxes(tensor, null).slice()
  })
  return sketch(features, seed)
}
