import { ensure } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import { classScores } from '../tasks/classification/classify-picture.ts'
import type { TaskModel } from '../tasks/task-model.ts'
import type { TensorsDataset, TensorsSample } from '../tasks/tensors/load-tensors.ts'
import type { OpenSamples } from '../tasks/tensors/load-tensors.ts'
import { openSamples } from '../tasks/tensors/load-tensors.ts'
import type { RunTensorsInput, RunTensorsOutput } from '../tasks/tensors/run-tensors.ts'
import { classAccuracy } from './class-answers.ts'
import { runSamples } from './run-samples.ts'
import type { Measurement } from './task-types.ts'

/** Top-1 and top-5 accuracy of a classifier of ready-made inputs. */
export async function evaluateTensors(
  host: Host,
  model: TaskModel,
  dataset: TensorsDataset,
  stage: string,
): Promise<Measurement> {
  const { samples, output } = dataset
  const opened = await openSamples(host, dataset)
  try {
    const results = await runSamples<RunTensorsInput, RunTensorsOutput>(
      host,
      'run-tensors',
      inputsOf(model, samples, opened, output),
      { stage, total: samples.length, unit: 'samples' },
    )
    return classAccuracy(
      results.map(({ outputs, names: [first = ''] }, at) => {
        const { index, label } = samples[at] ?? { index: 0, label: null }
        ensure(label !== null, 'invalid-dataset', 'The data set has no labels to score by.')
        return {
          id: index + 1,
          name: String(index),
          scores: classScores(outputs[first], first),
          label,
        }
      }),
      null,
    )
  } finally {
    await opened.close()
  }
}

/** Reads each sample when the pool asks for it, so that memory does not grow with their number. */
async function* inputsOf(
  model: TaskModel,
  samples: readonly TensorsSample[],
  opened: OpenSamples,
  output: string | null,
): AsyncGenerator<RunTensorsInput> {
  const outputs = output === null ? null : [output]
  for (const { index } of samples) yield { model, sample: await opened.read(index), outputs }
}
