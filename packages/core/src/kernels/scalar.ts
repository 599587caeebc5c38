import { packBits, unpackBits } from './bit-stream.ts'
import { codeErrors } from './code-errors.ts'
import { clusterSorted } from './cluster-sorted.ts'
import { bfloat16ToFloat, floatToHalf, halfToFloat } from './convert.ts'
import { distinctValues } from './distinct-values.ts'
import { decodeBlocks, encodeBlocks } from './encode.ts'
import { errorSums } from './error-sums.ts'
import { addToHistogram, valueEnds } from './histogram.ts'
import type { Kernels } from './kernels.ts'
import { lookUp } from './look-up.ts'
import { mseScales } from './mse-search.ts'
import { nearestEntries } from './nearest-entries.ts'
import { nearestVectors } from './nearest-vectors.ts'
import { offsetBytes, packNibbles, unpackNibbles } from './pack.ts'
import { asymmetricScales, roundScales, symmetricScales } from './scales.ts'
import { histogram, scanHalves, scanValues } from './scan.ts'

/** The reference: what every other implementation must equal. */
export const scalarKernels: Kernels = {
  halfToFloat,
  bfloat16ToFloat,
  floatToHalf,
  packNibbles,
  unpackNibbles,
  offsetBytes,
  packBits,
  unpackBits,
  distinctValues,
  clusterSorted,
  nearestEntries,
  nearestVectors,
  lookUp,
  symmetricScales,
  asymmetricScales,
  roundScales,
  encodeBlocks,
  decodeBlocks,
  codeErrors,
  mseScales,
  errorSums,
  scanValues,
  scanHalves,
  histogram,
  valueEnds,
  addToHistogram,
}
