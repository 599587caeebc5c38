import { ensure } from '../../base/error.ts'
import type {
  JobContext,
  NamedTensors,
  RuntimeTensor,
  Session,
  SessionValue,
} from '../../base/host.ts'
import { castTensor } from '../cast-tensor.ts'
import type { TaskModel } from '../task-model.ts'
import { answerOutput } from '../task-model.ts'

export type RunTensorsInput = {
  readonly model: TaskModel
  /** One sample: a slice of each file, without the axis of the samples. */
  readonly sample: NamedTensors
  /** Outputs that are wanted; null for all. */
  readonly outputs: readonly string[] | null
}

export type RunTensorsOutput = {
  readonly outputs: NamedTensors
  /** Names of the outputs in the order of the model. */
  readonly names: readonly string[]
}

/** The pool job `run-tensors`: a model's outputs for one sample of ready-made inputs. */
export async function runTensors(
  { model, sample, outputs }: RunTensorsInput,
  context: JobContext,
): Promise<RunTensorsOutput> {
  const session = await context.session(model.file, model.options)
  const wanted = outputs?.map((name) => answerOutput(session, name))
  const results = await session.run(tensorFeeds(session, sample), wanted)
  const names = session.outputs.map(({ name }) => name).filter((name) => name in results)
  return { outputs: results, names }
}

/**
 * One sample as the feeds of a model. A tensor with one axis less than the input gets a first axis
 * of 1, and its dtype becomes the input's where that holds every value.
 */
export function tensorFeeds(session: Session, sample: NamedTensors): NamedTensors {
  const inputs = session.inputs.map(({ name }) => name)
  const unknown = Object.keys(sample).filter((name) => !inputs.includes(name))
  const missing = inputs.filter((name) => sample[name] === undefined)
  ensure(
    unknown.length === 0 && missing.length === 0,
    'invalid-dataset',
    `The data set gives ${Object.keys(sample).join(', ')}; the model's inputs are ${inputs.join(', ')}.`,
    { unknown, missing },
  )
  return Object.fromEntries(
    session.inputs.flatMap((input) => {
      const tensor = sample[input.name]
      return tensor === undefined ? [] : [[input.name, feedOf(input, tensor)] as const]
    }),
  )
}

function feedOf(input: SessionValue, tensor: RuntimeTensor): RuntimeTensor {
  const isBatchMissing = tensor.shape.length === input.shape.length - 1
  const shape = isBatchMissing ? [1, ...tensor.shape] : tensor.shape
  const fits =
    shape.length === input.shape.length &&
    input.shape.every((size, axis) => typeof size !== 'number' || size < 0 || size === shape[axis])
  ensure(
    fits,
    'wrong-shape',
    `The model's input "${input.name}" takes ${input.shape.join(' x ') || 'one number'}; a sample ` +
      `of the data set is ${tensor.shape.join(' x ') || 'one number'}. The first axis of a file ` +
      'counts the samples.',
    { input: input.name, wanted: input.shape, found: tensor.shape },
  )
  return castTensor({ ...tensor, shape }, input.dtype, input.name)
}
