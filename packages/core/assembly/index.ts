// SIMD twins of the scalar kernels, without allocation: the caller places every buffer.
// Build: npm run kernels
export { clusterAtPrice } from './cluster'
export { bfloat16ToFloat, floatToHalf, halfToFloat } from './convert'
export { blockExtremes, decodeBlocks, encodeBlocks } from './encode'
export { countBins, valueEnds } from './histogram'
export { addErrors, clearNotFinite, searchBlocks } from './mse'
export { packBits, packNibbles, unpackBits } from './pack'
export { addDistinct, gatherDistinct, nearestEntries, nearestVectors } from './palette'
export { scanRows } from './scan'
export { errorSums, lookUp } from './sums'
