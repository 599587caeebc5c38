import { ensure } from '../../base/error.ts'
import type { JobContext, RuntimeTensor } from '../../base/host.ts'
import { toFloat32 } from '../cast-tensor.ts'
import { pictureFeeds } from '../picture-input.ts'
import type { PreprocessSpec } from '../preprocess.ts'
import type { TaskModel } from '../task-model.ts'
import { answerOutput } from '../task-model.ts'

export type ClassifyInput = {
  readonly model: TaskModel
  readonly imagePath: string
  /** Null: assumed from the shape of the model's input. */
  readonly preprocess: PreprocessSpec | null
  /** The output with the scores; null for the only or first one. */
  readonly output: string | null
}

export type ClassifyOutput = {
  /** One a class: float32, shape (classes). */
  readonly scores: Float32Array
  readonly preprocess: PreprocessSpec
}

/** The pool job `classify-picture`: the scores of one picture's classes. */
export async function classifyPicture(
  input: ClassifyInput,
  context: JobContext,
): Promise<ClassifyOutput> {
  const session = await context.session(input.model.file, input.model.options)
  const picture = await context.decodeImage(input.imagePath)
  const { feeds, spec } = pictureFeeds(session, picture, input.preprocess, 'stretch')
  const name = answerOutput(session, input.output, ['logits', 'probabilities', 'scores'])
  const outputs = await session.run(feeds, [name])
  return { scores: classScores(outputs[name], name), preprocess: spec }
}

/**
 * The scores of one sample: an output with one axis longer than 1, such as (1, 1000) or
 * (1, 1000, 1, 1).
 */
export function classScores(tensor: RuntimeTensor | undefined, name: string): Float32Array {
  const shape = tensor?.shape ?? []
  ensure(
    tensor !== undefined &&
      tensor.data.length > 0 &&
      shape.filter((size) => size !== 1).length <= 1,
    'unsupported-model',
    `The output "${name}" has the shape ${shape.join(' x ')}; the scores of one sample's classes ` +
      'have one axis longer than 1. Name another with "output" in the dataset descriptor.',
    { output: name, shape },
  )
  return toFloat32(tensor)
}
