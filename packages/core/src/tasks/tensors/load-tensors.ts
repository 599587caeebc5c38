import { ensure } from '../../base/error.ts'
import type { Host, NamedTensors } from '../../base/host.ts'
import { toFloat32 } from '../cast-tensor.ts'
import type { TensorsDescriptor } from '../descriptor-texts.ts'
import type { DescriptorPlace } from '../label-names.ts'
import type { LabelUse } from '../vqa/read-vqav2.ts'
import type { SampleTensor } from './sample-file.ts'
import { sampleTensors } from './sample-file.ts'

export type TensorsSample = {
  /** Place in the files, from 0 on. */
  readonly index: number
  /** Place of its class in the model's outputs; null where there are no labels. */
  readonly label: number | null
}

/** Ready-made inputs of a model. */
export type TensorsDataset = {
  readonly kind: 'tensors'
  readonly samples: readonly TensorsSample[]
  /** Input names to files; null as the name of a file that has tensors of many names. */
  readonly files: readonly { readonly path: string; readonly input: string | null }[]
  readonly output: string | null
}

/** Checks the files; their values are read sample by sample, with `openSamples`. */
export async function loadTensors(
  host: Host,
  { inputs, labels, output }: TensorsDescriptor,
  { file, folder }: DescriptorPlace,
  use: LabelUse,
): Promise<TensorsDataset> {
  ensure(
    labels !== null || use === 'optional',
    'invalid-dataset',
    `${file}: labels is missing. Without labels nothing can be scored; compare two models instead.`,
    { file, key: 'labels' },
  )
  const files =
    typeof inputs === 'string'
      ? [{ path: host.within(folder, inputs), input: null }]
      : Object.entries(inputs).map(([input, path]) => ({ path: host.within(folder, path), input }))
  const opened = await openSamples(host, { files })
  await opened.close()
  const classes = labels === null ? null : await readClasses(host, host.within(folder, labels))
  ensure(
    classes === null || classes.length === opened.count,
    'invalid-dataset',
    `${file}: there are ${classes?.length ?? 0} labels for ${opened.count} samples.`,
    { file, labels: classes?.length ?? 0, samples: opened.count },
  )
  const samples = Array.from({ length: opened.count }, (_, index) => ({
    index,
    label: classes?.[index] ?? null,
  }))
  return { kind: 'tensors', samples, files, output }
}

/** The open files of a data set. */
export type OpenSamples = {
  readonly count: number
  readonly read: (index: number) => Promise<NamedTensors>
  readonly close: () => Promise<void>
}

/** Opens the files of a data set; every tensor must have as many samples. */
export async function openSamples(
  host: Pick<Host, 'open'>,
  { files }: Pick<TensorsDataset, 'files'>,
): Promise<OpenSamples> {
  const sources: Awaited<ReturnType<Host['open']>>[] = []
  const close = async (): Promise<void> => {
    for (const source of sources) await source.close()
  }
  try {
    const tensors: SampleTensor[] = []
    for (const { path, input } of files) {
      const source = await host.open(path)
      sources.push(source)
      tensors.push(...(await sampleTensors(source, input ?? '')))
    }
    return { count: countOf(tensors), read: (index) => readSample(tensors, index), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function readSample(tensors: readonly SampleTensor[], index: number): Promise<NamedTensors> {
  const read = await Promise.all(
    tensors.map(async (tensor) => [tensor.name, await tensor.read(index)] as const),
  )
  return Object.fromEntries(read)
}

function countOf(tensors: readonly SampleTensor[]): number {
  const [first] = tensors
  ensure(first !== undefined, 'empty-dataset', 'The data set has no tensors.')
  const count = first.shape[0] ?? 0
  const other = tensors.find(({ shape }) => shape[0] !== count)
  ensure(
    other === undefined,
    'invalid-dataset',
    `"${first.name}" has ${count} samples and "${other?.name ?? ''}" has ${other?.shape[0] ?? 0}; the first axis counts the samples.`,
    { first: first.name, other: other?.name ?? '' },
  )
  return count
}

/** Most labels: read at once. */
const MOST_LABELS = 10_000_000

/** Whole numbers from 0 on, one a sample. */
async function readClasses(host: Host, path: string): Promise<readonly number[]> {
  const source = await host.open(path)
  try {
    const [tensor, ...others] = await sampleTensors(source, 'labels')
    const count = tensor?.shape[0] ?? 0
    ensure(
      tensor !== undefined && others.length === 0 && count <= MOST_LABELS,
      'invalid-dataset',
      `"${path}" must hold one tensor of at most ${MOST_LABELS} labels.`,
      { file: path },
    )
    ensure(
      tensor.shape.slice(1).every((size) => size === 1),
      'invalid-dataset',
      `"${path}" has the shape ${tensor.shape.join(' x ')}; labels are one class a sample.`,
      { file: path, shape: tensor.shape },
    )
    const classes: number[] = []
    for (let index = 0; index < count; index++) {
      const value = toFloat32(await tensor.read(index))[0] ?? -1
      ensure(
        Number.isInteger(value) && value >= 0,
        'invalid-dataset',
        `"${path}": label ${index} is ${value}; classes are whole numbers from 0 on.`,
        { file: path, label: index },
      )
      classes.push(value)
    }
    return classes
  } finally {
    await source.close()
  }
}
