import { scanChunk } from './audit/scan.ts'
import type { JobContext } from './base/host.ts'
import type {
  CalibratePictureInput,
  CalibratePictureOutput,
} from './calibrate/calibrate-picture.ts'
import { calibratePicture } from './calibrate/calibrate-picture.ts'
import type { ComparePictureInput, ComparePictureOutput } from './compare/compare-picture.ts'
import { comparePicture } from './compare/compare-picture.ts'
import type { Kernels, ValueScan } from './kernels/kernels.ts'
import { loadSimdKernels } from './kernels/simd.ts'
import type { ValueChunk } from './kernels/value-chunk.ts'
import type { EncodeChunkInput, EncodedChunk } from './quantize/encode-chunk.ts'
import { encodeChunk } from './quantize/encode-chunk.ts'
import type { AnswerInput, AnswerOutput } from './tasks/vqa/answer.ts'
import { answerQuestions } from './tasks/vqa/answer.ts'

/**
 * Every job that a pool runs, by name: plain transferable data in and out. The same table serves in
 * process and in workers.
 */
export type Jobs = {
  'scan-chunk'(input: ValueChunk, context: JobContext): Promise<ValueScan>
  'encode-chunk'(input: EncodeChunkInput, context: JobContext): Promise<EncodedChunk>
  'calibrate-picture'(
    input: CalibratePictureInput,
    context: JobContext,
  ): Promise<CalibratePictureOutput>
  'answer-questions'(input: AnswerInput, context: JobContext): Promise<AnswerOutput>
  'compare-picture'(input: ComparePictureInput, context: JobContext): Promise<ComparePictureOutput>
}

export const jobs: Jobs = {
  'scan-chunk': (chunk) => Promise.resolve(scanChunk(threadKernels(), chunk)),
  'encode-chunk': (input) => Promise.resolve(encodeChunk(threadKernels(), input)),
  'calibrate-picture': calibratePicture,
  'answer-questions': answerQuestions,
  'compare-picture': comparePicture,
}

let kernels: Kernels | undefined

/** The kernels of this thread; each thread has its own memory for them. */
function threadKernels(): Kernels {
  kernels ??= loadSimdKernels()
  return kernels
}
