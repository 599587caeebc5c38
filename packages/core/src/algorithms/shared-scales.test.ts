import { expect, test } from 'vitest'
import { seededNumbers } from '../../test/helpers/coreml-encoding.ts'
import { blockEnds, mergeBlockEnds } from '../kernels/block-ends.ts'
import { decode } from '../kernels/decode-encoding.ts'
import { scalarKernels } from '../kernels/scalar.ts'
import type { AffineScheme, Granularity } from '../scheme/scheme.ts'
import { roundToHalf } from '../tensor/float16.ts'
import { encodeWeight } from './encode-weight.ts'
import { affineBlock } from './scheme-blocks.ts'
import { sharedScales } from './shared-scales.ts'

const [ROWS, COLUMNS] = [48, 32]

const AXES = { outputAxis: 1, inputAxis: 0 } as const

// Near the end of half precision values are clipped by up to a step.
test.for<readonly [number, Granularity]>([
  [0.1, { kind: 'per-tensor' }],
  [65504, { kind: 'per-tensor' }],
  [65504, { kind: 'per-channel', axis: 1 }],
  [1e-7, { kind: 'per-channel', axis: 1 }],
])('scales from the ends of parts are those of all, up to %d: %o', ([largest, granularity]) => {
  const random = seededNumbers(5)
  const x = Float32Array.from({ length: ROWS * COLUMNS }, () =>
    roundToHalf((2 * random() - 1) * largest),
  )
  x[7] = largest
  const scheme: AffineScheme = {
    kind: 'affine',
    dtype: 'int8',
    symmetric: true,
    granularity,
    scaleDtype: 'float16',
  }
  const spec = { ...AXES, scheme, algorithm: 'round', paletteRule: 'kmeans' } as const
  const whole = encodeWeight(scalarKernels, x, {
    ...spec,
    shape: [ROWS, COLUMNS],
    decodeDtype: 'float16',
  })
  const parts = [0, 16, 32].map((row) => x.slice(row * COLUMNS, (row + 16) * COLUMNS))
  const shape = [16, COLUMNS]
  const ends = parts
    .map((part) => blockEnds(part, shape, affineBlock(scheme, { ...AXES, shape })))
    .reduce(mergeBlockEnds)
  const scale = sharedScales(scalarKernels, ends, scheme, 'float16')
  const cut = parts.flatMap((part) => {
    const { encoding } = encodeWeight(scalarKernels, part, {
      ...spec,
      shape,
      scale,
      decodeDtype: 'float16',
    })
    return [...decode(encoding)]
  })
  expect(Float32Array.from(cut)).toEqual(decode(whole.encoding))
})
