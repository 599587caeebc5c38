import type { RuntimeOptions, RuntimeTensor, Session } from '../base/host.ts'
import { ensure } from '../base/error.ts'
import { toFloat32 } from './cast-tensor.ts'

/** One graph that does a task by itself: the component `model`. Plain data, for jobs. */
export type TaskModel = {
  /** Path of the graph. */
  readonly file: string
  readonly options: RuntimeOptions
}

/**
 * The output that holds the answer: the one that the descriptor names, else the only one, else the
 * first whose name is one of `usual`, else the first.
 */
export function answerOutput(
  { outputs }: Session,
  wanted: string | null,
  usual: readonly string[] = [],
): string {
  const names = outputs.map(({ name }) => name)
  const found =
    wanted === null
      ? (usual.find((name) => names.includes(name)) ?? names[0])
      : names.find((name) => name === wanted)
  ensure(
    found !== undefined,
    'unsupported-model',
    `The model has no output "${wanted ?? ''}"; it has ${names.join(', ')}.`,
    { wanted, outputs: names },
  )
  return found
}

/** The values of an output as float32; `unsupported-model` where it is not there. */
export function outputValues(tensor: RuntimeTensor | undefined, name: string): Float32Array {
  ensure(tensor !== undefined, 'unsupported-model', `The model gives no output "${name}".`, {
    name,
  })
  return toFloat32(tensor)
}
