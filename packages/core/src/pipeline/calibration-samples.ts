import type { Host } from '../base/host.ts'
import { diverseSamples } from '../calibrate/sampling/diverse-samples.ts'
import type { Sampling } from '../config/settings.ts'
import { modelPreprocess } from '../evaluate/model-preprocess.ts'
import type { TaskDataset } from '../tasks/task-dataset.ts'
import { loadTaskDataset } from '../tasks/task-dataset.ts'
import { evaluatedFile } from './evaluate-file.ts'

/** Which samples of which data a single graph is calibrated on. */
export type CalibrationSamplesRequest = {
  /** Path of the float graph. */
  readonly model: string
  readonly data: string
  readonly samples: number
  readonly sampling: Sampling
  /** Of `diverse` sampling. */
  readonly seed: number
}

/** Loads the calibration samples of a single graph; for `diverse` it runs the graph on all of the data. */
export async function loadCalibrationSamples(
  host: Host,
  { model, data, samples, sampling, seed }: CalibrationSamplesRequest,
): Promise<TaskDataset> {
  if (sampling === 'spread') {
    return loadTaskDataset(host, data, { labels: 'optional', spread: samples })
  }
  const dataset = await loadTaskDataset(host, data, { labels: 'optional' })
  const { file, folder } = await evaluatedFile(host, model)
  const preprocess = await modelPreprocess(host, { file, folder }, null)
  return diverseSamples(
    host,
    { file, folder, preprocess, options: { numerics: 'faithful' } },
    dataset,
    { count: samples, seed },
  )
}
