import type { OneScale } from './algorithms/counted-scale.ts'
import type { BinScores } from './algorithms/prune/prune-threshold.ts'
import { countKeptValues } from './audit/count-kept.ts'
import type { CountKeptInput } from './audit/count-kept.ts'
import { scanChunk } from './audit/scan.ts'
import type { JobContext } from './base/host.ts'
import type {
  CalibratePictureInput,
  CalibratePictureOutput,
} from './calibrate/calibrate-picture.ts'
import { calibratePicture } from './calibrate/calibrate-picture.ts'
import type {
  ObserveSamplesInput,
  ObserveSamplesOutput,
} from './calibrate/activations/observe-samples.ts'
import { observeSamples } from './calibrate/activations/observe-samples.ts'
import type { PictureFeaturesInput } from './calibrate/sampling/picture-features.ts'
import { pictureFeatures } from './calibrate/sampling/picture-features.ts'
import type { SampleFeaturesInput } from './calibrate/sampling/sample-features.ts'
import { sampleFeatures } from './calibrate/sampling/sample-features.ts'
import type { CompareGraphsInput, CompareGraphsOutput } from './compare/compare-graphs.ts'
import { compareGraphs } from './compare/compare-graphs.ts'
import type { CompareChunksInput } from './compare/compare-weights.ts'
import { compareChunks } from './compare/compare-weights.ts'
import type { MetricSums } from './compare/metrics.ts'
import type { ComparePictureInput, ComparePictureOutput } from './compare/compare-picture.ts'
import { comparePicture } from './compare/compare-picture.ts'
import type { BlockEnds } from './kernels/block-ends.ts'
import type { Kernels, ValueScan } from './kernels/kernels.ts'
import { loadSimdKernels } from './kernels/simd.ts'
import type { DistinctValues } from './kernels/palette-kernels.ts'
import { loadedChunk } from './kernels/value-chunk.ts'
import type { RegionReader, ValueChunk } from './kernels/value-chunk.ts'
import type { EncodeChunkInput, EncodedChunk } from './quantize/encode-chunk.ts'
import { encodeChunk } from './quantize/encode-chunk.ts'
import type { EncodeSlabInput, EncodedSlab } from './quantize/encode-slab.ts'
import { encodeSlab } from './quantize/encode-slab.ts'
import type {
  ChooseScaleInput,
  FillCodesInput,
  LargestEntryInput,
  SlabEndsInput,
  TableCodes,
} from './quantize/survey-scales.ts'
import { chooseScale, fillCodes, largestEntry, slabEnds } from './quantize/survey-scales.ts'
import type { FillTableInput, ScoresInBinInput, SurveySlabInput } from './quantize/survey-slab.ts'
import { fillTable, slabScoresInBin, surveySlab } from './quantize/survey-slab.ts'
import type { ClassifyInput, ClassifyOutput } from './tasks/classification/classify-picture.ts'
import { classifyPicture } from './tasks/classification/classify-picture.ts'
import type { DetectInput, DetectOutput } from './tasks/detection/detect-objects.ts'
import { detectObjects } from './tasks/detection/detect-objects.ts'
import type { EmbedInput, EmbedOutput } from './tasks/sts/embed-sentence.ts'
import { embedSentence } from './tasks/sts/embed-sentence.ts'
import type { RunTensorsInput, RunTensorsOutput } from './tasks/tensors/run-tensors.ts'
import { runTensors } from './tasks/tensors/run-tensors.ts'
import type { PerplexityInput } from './tasks/text/perplexity-of.ts'
import { perplexityOf } from './tasks/text/perplexity-of.ts'
import type { TokenLoss } from './tasks/text/token-loss.ts'
import type { AnswerInput, AnswerOutput } from './tasks/vqa/answer.ts'
import { answerQuestions } from './tasks/vqa/answer.ts'

/**
 * Every job that a pool runs, by name: plain transferable data in and out. The same table serves in
 * process and in workers.
 */
export type Jobs = {
  'scan-chunk'(input: ValueChunk, context: JobContext): Promise<ValueScan>
  'count-kept'(input: CountKeptInput, context: JobContext): Promise<number>
  'encode-chunk'(input: EncodeChunkInput, context: JobContext): Promise<EncodedChunk>
  'survey-slab'(input: SurveySlabInput, context: JobContext): Promise<DistinctValues>
  'scores-in-bin'(input: ScoresInBinInput, context: JobContext): Promise<BinScores>
  'fill-table'(input: FillTableInput, context: JobContext): Promise<Float32Array | null>
  'fill-codes'(input: FillCodesInput, context: JobContext): Promise<TableCodes | null>
  'choose-scale'(input: ChooseScaleInput, context: JobContext): Promise<OneScale>
  'slab-ends'(input: SlabEndsInput, context: JobContext): Promise<BlockEnds>
  'largest-entry'(input: LargestEntryInput, context: JobContext): Promise<number>
  'encode-slab'(input: EncodeSlabInput, context: JobContext): Promise<EncodedSlab>
  'calibrate-picture'(
    input: CalibratePictureInput,
    context: JobContext,
  ): Promise<CalibratePictureOutput>
  'picture-features'(input: PictureFeaturesInput, context: JobContext): Promise<Float32Array>
  'sample-features'(input: SampleFeaturesInput, context: JobContext): Promise<Float32Array>
  'observe-samples'(input: ObserveSamplesInput, context: JobContext): Promise<ObserveSamplesOutput>
  'answer-questions'(input: AnswerInput, context: JobContext): Promise<AnswerOutput>
  'compare-picture'(input: ComparePictureInput, context: JobContext): Promise<ComparePictureOutput>
  'compare-graphs'(input: CompareGraphsInput, context: JobContext): Promise<CompareGraphsOutput>
  'compare-chunks'(input: CompareChunksInput, context: JobContext): Promise<MetricSums>
  'classify-picture'(input: ClassifyInput, context: JobContext): Promise<ClassifyOutput>
  'detect-objects'(input: DetectInput, context: JobContext): Promise<DetectOutput>
  'perplexity-of'(input: PerplexityInput, context: JobContext): Promise<TokenLoss>
  'embed-sentence'(input: EmbedInput, context: JobContext): Promise<EmbedOutput>
  'run-tensors'(input: RunTensorsInput, context: JobContext): Promise<RunTensorsOutput>
}

export const jobs: Jobs = {
  'scan-chunk': (chunk, context) =>
    Promise.resolve(scanChunk(threadKernels(), loadedChunk(chunk, context))),
  'count-kept': (input, context) =>
    Promise.resolve(countKeptValues(threadKernels(), loaded(input, context))),
  'encode-chunk': (input) => Promise.resolve(encodeChunk(threadKernels(), input)),
  'survey-slab': (input, context) =>
    Promise.resolve(surveySlab(threadKernels(), loaded(input, context))),
  'scores-in-bin': (input, context) =>
    Promise.resolve(slabScoresInBin(threadKernels(), loaded(input, context))),
  'fill-table': (input) => Promise.resolve(fillTable(threadKernels(), input)),
  'fill-codes': (input) => Promise.resolve(fillCodes(threadKernels(), input)),
  'choose-scale': (input) => Promise.resolve(chooseScale(threadKernels(), input)),
  'slab-ends': (input, context) =>
    Promise.resolve(slabEnds(threadKernels(), loaded(input, context))),
  'largest-entry': (input, context) =>
    Promise.resolve(largestEntry(threadKernels(), loaded(input, context))),
  'encode-slab': (input, context) =>
    Promise.resolve(encodeSlab(threadKernels(), input, { room: threadRoom, reader: context })),
  'calibrate-picture': calibratePicture,
  'picture-features': pictureFeatures,
  'sample-features': sampleFeatures,
  'observe-samples': (input, context) => observeSamples(threadKernels(), input, context),
  'answer-questions': answerQuestions,
  'compare-picture': comparePicture,
  'compare-graphs': compareGraphs,
  'compare-chunks': (input) => Promise.resolve(compareChunks(threadKernels(), input)),
  'classify-picture': classifyPicture,
  'detect-objects': detectObjects,
  'perplexity-of': perplexityOf,
  'embed-sentence': embedSentence,
  'run-tensors': runTensors,
}

let kernels: Kernels | undefined

/** The kernels of this thread; each thread has its own memory for them. */
function threadKernels(): Kernels {
  kernels ??= loadSimdKernels()
  return kernels
}

/** Larger arrays are not kept: they are rare, and would be held to the end. */
const MOST_ROOM = 2 ** 21

let kept = new Float32Array(0)

/** Memory of this thread for so many values; what was in it before is gone. */
function threadRoom(count: number): Float32Array {
  if (count > MOST_ROOM) return new Float32Array(count)
  if (count > kept.length) kept = new Float32Array(count)
  return kept.subarray(0, count)
}

function loaded<Input extends { readonly chunk: ValueChunk }>(
  input: Input,
  context: RegionReader,
): Input {
  return { ...input, chunk: loadedChunk(input.chunk, context) }
}
