import fc from 'fast-check'

/** Values that a loop may get wrong: ties, signed zero, subnormals, the ends of float16 and float32. */
const EDGES: readonly number[] = [
  0,
  -0,
  0.5,
  -0.5,
  1.5,
  -2.5,
  2 ** -24,
  2 ** -25,
  -(2 ** -14),
  65504,
  65519,
  65520,
  -70000,
  1.401298464324817e-45,
  -1e-40,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  Infinity,
  -Infinity,
  NaN,
]

/** Any float32, with more edges and more ordinary weights than chance gives. */
export const anyFloat: fc.Arbitrary<number> = fc.oneof(
  fc.float(),
  fc.constantFrom(...EDGES.map(Math.fround)),
  fc.float({ min: -2, max: 2, noNaN: true }),
)

/** A float32 of the size that weights have: 0, or a magnitude from 2^-60 to 4. */
export const weightFloat: fc.Arbitrary<number> = fc
  .float({ min: -4, max: 4, noNaN: true })
  .map((value) => (Math.abs(value) < 2 ** -60 ? 0 : value))

/** Uniform integers from 0 to 2^32 - 1, the same on every run. */
export function seededIntegers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state ^ (state >>> 15)) >>> 0
  }
}

/** Values like a layer's weights: about normal, standard deviation 0.02, a few of them ten times that. */
export function seededWeights(length: number, seed: number): Float32Array {
  const next = seededIntegers(seed)
  const uniform = (): number => next() / 2 ** 32 - 0.5
  return Float32Array.from({ length }, () => {
    const normal = uniform() + uniform() + uniform() + uniform()
    return normal * (next() % 200 === 0 ? 0.35 : 0.035)
  })
}

/** Every bit pattern may come: NaN, infinity, subnormal. */
export function seededBits(length: number, seed: number): Float32Array {
  const next = seededIntegers(seed)
  return new Float32Array(Uint32Array.from({ length }, next).buffer)
}

/** Index of the first byte that differs, length included; -1 when all bytes are equal. */
export function firstDifference(a: ArrayBufferView, b: ArrayBufferView): number {
  const left = new Uint8Array(a.buffer, a.byteOffset, a.byteLength)
  const right = new Uint8Array(b.buffer, b.byteOffset, b.byteLength)
  if (left.length !== right.length) return Math.min(left.length, right.length)
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return i
  return -1
}
