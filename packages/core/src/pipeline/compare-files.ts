import { create, toBinary } from '@bufbuild/protobuf'

import { MixbitError, ensure } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import type { FileComparison } from '../compare/compare-files.ts'
import { compareFiles } from '../compare/compare-files.ts'
import type { Numerics } from '../config/settings.ts'
import type { OnnxFileModel } from '../convert/read-onnx-file.ts'
import { readOnnxFile } from '../convert/read-onnx-file.ts'
import { modelPreprocess } from '../evaluate/model-preprocess.ts'
import type { ModelProto } from '../formats/onnx/generated/onnx_pb.ts'
import { ModelProtoSchema, ValueInfoProtoSchema } from '../formats/onnx/generated/onnx_pb.ts'
import { writeWhole } from '../quantize/data-sink.ts'
import { sampleSources } from '../tasks/sample-feeds.ts'
import { loadTaskDataset } from '../tasks/task-dataset.ts'
import { rowsOf } from '../tensor/weight.ts'
import { evaluatedFile } from './evaluate-file.ts'

/** Graphs with probes are written as one file each, which is held in memory. */
const LARGEST_PROBED = 1_000_000_000

export type CompareFilesOptions = {
  readonly reference: string
  readonly candidate: string
  readonly data: string
  readonly limit: number | null
  readonly numerics: Numerics
  /** `each-layer`: also compares every value that both graphs compute under one name. */
  readonly depth: 'outputs' | 'each-layer'
  readonly scratch: string
}

/** Compares two versions of an ONNX file on the samples of a data set. */
export async function compareOnnxFiles(
  host: Host,
  options: CompareFilesOptions,
): Promise<FileComparison> {
  const dataset = await loadTaskDataset(host, options.data, {
    labels: 'optional',
    ...(options.limit === null ? {} : { limit: options.limit }),
  })
  const model = await evaluatedFile(host, options.reference)
  const preprocess = await modelPreprocess(host, model, null)
  const probed = options.depth === 'each-layer' ? await probedCopies(host, options) : null
  return compareFiles(host, {
    reference: probed?.reference ?? options.reference,
    candidate: probed?.candidate ?? options.candidate,
    probes: probed?.probes ?? [],
    names: { reference: options.reference, candidate: options.candidate, data: dataset.name },
    sources: sampleSources(host, dataset, { folder: model.folder, preprocess }),
    options: { numerics: options.numerics },
    findings: dataset.findings,
  })
}

type Probed = {
  readonly reference: string
  readonly candidate: string
  readonly probes: readonly string[]
}

async function probedCopies(host: Host, options: CompareFilesOptions): Promise<Probed> {
  const reference = await readOnnxFile(host, options.reference)
  try {
    const candidate = await readOnnxFile(host, options.candidate)
    try {
      const probes = commonValues(reference.document.model, candidate.document.model)
      ensure(
        probes.length > 0,
        'wrong-shape',
        'The graphs compute no value under the same name. Compare two versions of the same model.',
      )
      return {
        reference: await probedCopy(host, reference, probes, `${options.scratch}/reference.onnx`),
        candidate: await probedCopy(host, candidate, probes, `${options.scratch}/candidate.onnx`),
        probes,
      }
    } finally {
      await candidate.close()
    }
  } finally {
    await reference.close()
  }
}

/** Values that nodes of both main graphs compute and that are no outputs, in the reference's order. */
function commonValues(reference: ModelProto, candidate: ModelProto): readonly string[] {
  const outputs = new Set(reference.graph?.output.map(({ name }) => name))
  const other = new Set(candidate.graph?.node.flatMap(({ output }) => output))
  const own = reference.graph?.node.flatMap(({ output }) => output) ?? []
  return own.filter((name) => name !== '' && other.has(name) && !outputs.has(name))
}

/** The file with more outputs, as one file without external data. */
async function probedCopy(
  host: Host,
  { document, bytes, path }: OnnxFileModel,
  probes: readonly string[],
  to: string,
): Promise<string> {
  if (bytes > LARGEST_PROBED) {
    throw new MixbitError(
      'limit-exceeded',
      `"${path}" has ${bytes} bytes; layers are compared up to ${LARGEST_PROBED}. Compare its outputs only.`,
      { path, bytes, limit: LARGEST_PROBED },
    )
  }
  const { model, weights } = document
  for (const tensor of model.graph?.initializer ?? []) {
    const weight = weights.get(tensor.name)
    if (weight?.readStoredRows === undefined) continue
    tensor.rawData = new Uint8Array(await weight.readStoredRows(0, rowsOf(weight.shape)))
  }
  model.graph?.output.push(...probes.map((name) => create(ValueInfoProtoSchema, { name })))
  await writeWhole(host, to, toBinary(ModelProtoSchema, model))
  return to
}
