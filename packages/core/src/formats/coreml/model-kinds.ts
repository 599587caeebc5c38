/** One kind of Core ML model, by its field of `Model`. */
export type ModelKind = {
  /** With its article, for messages. */
  readonly name: string
  readonly isProgram: boolean
  readonly remedy: string
}

const PROGRAM_FIELD = 502

const CONVERT_AGAIN =
  'Mixbit compresses ML Programs: convert the original model again with coremltools 5 or newer ' +
  'and convert_to="mlprogram".'

const SPLIT = 'Mixbit compresses ML Programs: give it the package of one model of the pipeline.'

const NOTHING_TO_DO = 'Mixbit compresses ML Programs; this kind of model has none.'

const NETWORKS: ReadonlyMap<number, string> = new Map([
  [303, 'a NeuralNetworkRegressor'],
  [403, 'a NeuralNetworkClassifier'],
  [500, 'a NeuralNetwork'],
])

const PIPELINES: ReadonlyMap<number, string> = new Map([
  [200, 'a PipelineClassifier'],
  [201, 'a PipelineRegressor'],
  [202, 'a Pipeline'],
])

/**
 * What a field of `Model` stands for.
 *
 * @see https://github.com/apple/coremltools/blob/main/mlmodel/format/Model.proto
 */
export function modelKind(field: number): ModelKind {
  if (field === PROGRAM_FIELD) return { name: 'an ML Program', isProgram: true, remedy: '' }
  const network = NETWORKS.get(field)
  if (network !== undefined) return { name: network, isProgram: false, remedy: CONVERT_AGAIN }
  const pipeline = PIPELINES.get(field)
  if (pipeline !== undefined) return { name: pipeline, isProgram: false, remedy: SPLIT }
  const name = `another kind of model (field ${field} of Model)`
  return { name, isProgram: false, remedy: NOTHING_TO_DO }
}
