import { describe, expect, test } from 'vitest'
import { packageFact, packageRequest, plainStored } from '../../../test/helpers/package-facts.ts'
import type { AffineScheme, Granularity, PaletteScheme, Scheme } from '../../scheme/scheme.ts'
import { fitPlan } from '../fit-plan.ts'
import type { LayerPlan, Plan } from '../plan-types.ts'
import { makePlan } from '../plan.ts'

/** Inputs lie along axis 0 and outputs along axis 1, as a MatMul has them. */
const MATMUL = packageFact({ shape: [16, 64], elements: 1024, outputAxis: 1, inputAxis: 0 })

const REQUEST = packageRequest()

const PLAN = makePlan([MATMUL], REQUEST)

/** The plan as a person may have edited it, put on its package. */
function fitted(edit: Partial<LayerPlan>): Plan {
  const layers = PLAN.layers.map((layer) => ({ ...layer, ...edit }))
  return fitPlan({ ...PLAN, layers }, [MATMUL], 'plan.json', null, REQUEST.coreml)
}

const palette = (granularity: Granularity): PaletteScheme => ({
  kind: 'palette',
  bits: 4,
  granularity,
  vectorSize: 1,
  table: 'float',
  channelScale: false,
})

const affine = (granularity: Granularity): AffineScheme => ({
  kind: 'affine',
  dtype: 'int8',
  symmetric: true,
  granularity,
  scaleDtype: 'float16',
})

const channel = (axis: number): Granularity => ({ kind: 'per-channel', axis })
const block = (axis: number): Granularity => ({ kind: 'per-block', axis, blockSize: 8 })

const masked = (values: PaletteScheme | AffineScheme): Scheme => ({
  kind: 'sparse',
  pattern: { kind: 'fraction', zeros: 0.5 },
  values,
})

describe('an edited axis', () => {
  const groups = 'groups that share a table lie along its output axis, which is 1, not'
  const channels = 'a scale a channel lies along its output axis, which is 1, not'
  const blocks = 'blocks that share a scale lie along its input axis, which is 0, not'
  test.for<readonly [string, Scheme, string]>([
    ['groups of inputs', palette(block(0)), `${groups} 0`],
    ['groups along an axis that is none', palette(block(5)), `${groups} 5`],
    ['a table an input', palette(channel(0)), `${groups} 0`],
    ['groups of inputs, scaled', { ...palette(block(0)), channelScale: true }, `${groups} 0`],
    ['masked groups of inputs', masked(palette(block(0))), `${groups} 0`],
    ['a scale an input', affine(channel(0)), `${channels} 0`],
    ['a scale along an axis that is none', affine(channel(5)), `${channels} 5`],
    ['blocks of outputs', affine(block(1)), `${blocks} 1`],
    ['blocks along an axis that is none', affine(block(5)), `${blocks} 5`],
    ['masked blocks of outputs', masked(affine(block(1))), `${blocks} 1`],
  ])('of %s is refused, and the message names the one that there is', ([, scheme, says]) => {
    expect(() => fitted({ scheme })).toThrow(
      expect.objectContaining({
        code: 'unsupported-scheme',
        message: expect.stringMatching(new RegExp(`"model\\.w".*${says}`, 'u')),
      }),
    )
  })

  test.for<readonly [string, Scheme]>([
    ['groups of outputs', palette(block(1))],
    ['a table an output', palette(channel(1))],
    ['a scale an output', affine(channel(1))],
    ['blocks of inputs', affine(block(0))],
    ['masked groups of outputs', masked(palette(block(1)))],
  ])('of %s is kept', ([, scheme]) => {
    expect(fitted({ scheme }).layers[0]).toMatchObject({ scheme })
  })
})

describe('what an older target cannot read is refused with what it is and a remedy', () => {
  const older = packageRequest({ target: 'coreml-ios17' })
  test.for<readonly [string, Scheme, string]>([
    ['3 bits', { ...palette({ kind: 'per-tensor' }), bits: 3 }, 'with 3-bit indices'],
    ['groups', palette(block(1)), 'with more than one table a weight'],
    ['blocks', affine(block(0)), 'with blocks'],
  ])('%s', ([, scheme, says]) => {
    const plan = makePlan([MATMUL], older)
    const layers = plan.layers.map((layer) => ({ ...layer, scheme }))
    expect(() => fitPlan({ ...plan, layers }, [MATMUL], 'plan.json', null, older.coreml)).toThrow(
      expect.objectContaining({
        code: 'unsupported-scheme',
        message: expect.stringMatching(
          new RegExp(`iOS 18 is the first system ${says}.* Set "target" to coreml-ios18`, 'u'),
        ),
      }),
    )
  })
})

test('the remedy is no newer target where the program cannot be raised', () => {
  const held = packageRequest({ reachable: 8 })
  const plan = makePlan([MATMUL], held)
  const layers = plan.layers.map((layer) => ({ ...layer, scheme: palette(block(1)) }))
  expect(() => fitPlan({ ...plan, layers }, [MATMUL], 'plan.json', null, held.coreml)).toThrow(
    /The program cannot be raised \(crop_resize .*\): give the layer another scheme\.$/u,
  )
})

describe('a weight that is kept as it lies in the package', () => {
  const computes = 'float16' as const
  const KEPT = packageFact({
    layer: 'model.k',
    stored: { ...plainStored(computes), precision: 'palette4/g8', isCompressed: true },
  })
  const kept = makePlan([KEPT], REQUEST)
  const put = (edit: Partial<LayerPlan>): Plan => {
    const layers = kept.layers.map((layer) => ({ ...layer, ...edit }))
    return fitPlan({ ...kept, layers }, [KEPT], 'plan.json', null, REQUEST.coreml)
  }

  test('keeps its scheme, in whatever order that is written', () => {
    const scheme = palette(block(0))
    const { kind, ...rest } = scheme
    expect(kept.layers[0]).toMatchObject({ kept: true, scheme })
    expect(put({ scheme: { ...rest, kind } })).toEqual(kept)
  })

  test.for<readonly [string, Scheme, string]>([
    ['of another precision', affine(channel(0)), 'the scheme int8/channel'],
    ['of the same name', palette(block(1)), 'another scheme of this name'],
  ])('is refused with a scheme %s', ([, scheme, says]) => {
    expect(() => put({ scheme })).toThrow(
      expect.objectContaining({
        code: 'invalid-plan',
        message: expect.stringMatching(
          new RegExp(`"model\\.k" .*palette4/g8.*${says}\\. Remove "kept"`, 'u'),
        ),
      }),
    )
  })

  test('is stored otherwise where "kept" is removed', () => {
    const scheme = affine(channel(0))
    const [layer] = put({ scheme, kept: undefined }).layers
    expect(layer).toMatchObject({ scheme, form: 'constexpr_blockwise_shift_scale' })
  })

  test('is refused where it is not compressed', () => {
    expect(() => fitted({ kept: true })).toThrow(
      expect.objectContaining({
        code: 'invalid-plan',
        message: expect.stringContaining('"model.w"'),
      }),
    )
  })
})
