import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { SOUND_SCAN } from '../../../test/helpers/facts.ts'
import { packageFact, packageRequest, plainStored } from '../../../test/helpers/package-facts.ts'
import type { WeightFacts } from '../../audit/audit-types.ts'
import { coremlForms, specRange } from '../../formats/coreml/forms.ts'
import { storedBytes } from '../../formats/part-bytes.ts'
import type { WeightRole } from '../../operators/weight-role.ts'
import type { Precision } from '../../scheme/precision.ts'
import { formatPrecision, parsePrecision, schemeFor } from '../../scheme/precision.ts'
import { bitsPerValue } from '../../scheme/scheme.ts'
import { COMPUTE_UNITS } from '../../targets/coreml-devices.ts'
import { COREML_TARGETS } from '../../targets/coreml-versions.ts'
import { fitPlan } from '../fit-plan.ts'
import { makePlan } from '../plan.ts'
import { readPlan } from '../read-plan.ts'
import { isUntouched } from './planned-weights.ts'
import { formFacts } from './weight-form.ts'

const PRECISIONS = [
  'fp32',
  'fp16',
  ...['int8', 'int4', 'int3', 'int2'].flatMap((type) =>
    ['', '/tensor', '/channel', '/2', '/16', '/31', '/32/asym'].map((rest) => `${type}${rest}`),
  ),
  ...[1, 2, 3, 4, 6, 8].flatMap((bits) =>
    [
      '',
      '/g1',
      '/g3',
      '/g16',
      'x2',
      '/g8x3',
      '/int8',
      '/scale',
      '/g4/int8/scale',
      '/g12x4/scale',
    ].map((rest) => `palette${bits}${rest}`),
  ),
]

const MASKS = [
  '',
  'sparse50+',
  'sparse75/3+',
  'sparse@0+',
  'sparse@0.1+',
  'sparse2:4+',
  'sparse3:16+',
]

const dtype = fc.constantFrom('float16' as const, 'float32' as const)

const size = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 24, 30, 31, 48, 64, 257))

const ROLES: readonly WeightRole[] = ['linear', 'conv', 'depthwise-conv', 'embedding', 'matrix']

const weight: fc.Arbitrary<WeightFacts> = fc
  .record({
    shape: fc.array(size, { minLength: 2, maxLength: 4 }),
    isSwapped: fc.boolean(),
    role: fc.constantFrom(...ROLES),
    stored: dtype,
    computes: dtype,
    position: fc.constantFrom('stem' as const, 'last' as const, 'inner' as const),
    max: fc.constantFrom(0, 1e-7, 1, 40_000, 65_000, 65_504, 1e9),
    zeroShare: fc.constantFrom(0, 0.3, 1),
  })
  .map(({ shape, isSwapped, role, stored, computes, position, max, zeroShare }) => {
    const elements = shape.reduce((product, each) => product * each, 1)
    const largest = stored === 'float16' || computes === 'float16' ? Math.min(max, 65_504) : max
    return packageFact({
      shape,
      elements,
      role,
      dtype: stored,
      position,
      outputAxis: isSwapped ? 1 : 0,
      inputAxis: isSwapped ? 0 : 1,
      stored: { ...plainStored(stored), computes },
      scan: { ...SOUND_SCAN, max: largest, min: 0, zeros: Math.floor(elements * zeroShare) },
    })
  })

const dense = fc.oneof(fc.constantFrom('fp32', 'fp16', 'int8'), fc.constantFrom(...PRECISIONS))

const precisionText = fc
  .tuple(fc.oneof(fc.constant(''), fc.constantFrom(...MASKS)), dense)
  .map(([mask, rest]) => `${mask}${rest}`)

const target = fc.constantFrom(...COREML_TARGETS)
const unit = fc.constantFrom(null, ...COMPUTE_UNITS)
const spec = fc.integer({ min: 6, max: 10 })

describe('any weight, asked to be anything, for any target and unit', () => {
  test('has a form that the target reads, and the plan gives its bytes', () => {
    fc.assert(
      fc.property(weight, precisionText, target, unit, spec, spec, fc.boolean(), (...all) => {
        const [facts, precision, forTarget, forUnit, fromSpec, reachable, isLiteral] = all
        const asked = isLiteral ? { precision } : { components: { model: precision } }
        const request = packageRequest({
          ...asked,
          target: forTarget,
          unit: forUnit,
          spec: fromSpec,
          reachable,
        })
        const plan = makePlan([facts], request)
        const [layer] = plan.layers
        if (layer === undefined) throw new TypeError('no layer')
        expect(plan.bytes).toBe(storedBytes(plan.layers))
        if (isUntouched({ facts, scheme: layer.scheme, kept: layer.kept })) {
          expect(plan.bytes).toBe(facts.bytes)
          return
        }
        const specs = specRange(fromSpec, forTarget, reachable)
        const [form] = coremlForms([{ weight: formFacts(facts), scheme: layer.scheme }], specs)
        expect(form?.kind).not.toBe('none')
        if (form === undefined || form.kind === 'none') return
        expect(form.spec).toBeLessThanOrEqual(specs.highest)
        expect(layer.form).toBe(form.ops.join(' + '))
        const most = form.parts.reduce((sum, { mostBytes }) => sum + mostBytes, 0)
        // What is zero already is known to be left out.
        if (form.kind === 'sparse') expect(plan.bytes).toBeLessThanOrEqual(most)
        else expect(plan.bytes).toBe(most)
      }),
      { numRuns: 400 },
    )
  })

  test('never takes fewer bits than were asked for', () => {
    fc.assert(
      fc.property(weight, precisionText, target, unit, (facts, precision, forTarget, forUnit) => {
        const request = packageRequest({ precision, target: forTarget, unit: forUnit })
        const [layer] = makePlan([facts], request).layers
        const asked = schemeFor(parsePrecision(precision), { outputAxis: 0, inputAxis: 1 })
        const bits = Math.min(bitsPerValue(asked), floatBits(facts))
        expect(bitsPerValue(layer?.scheme ?? asked)).toBeGreaterThanOrEqual(bits)
      }),
      { numRuns: 400 },
    )
  })

  test('a plan that was written, read and put on the package again is the same', () => {
    fc.assert(
      fc.property(weight, precisionText, target, unit, (facts, precision, forTarget, forUnit) => {
        const request = packageRequest({ precision, target: forTarget, unit: forUnit })
        const plan = makePlan([facts], request)
        const read = readPlan(JSON.parse(JSON.stringify(plan)), 'plan.json')
        expect(fitPlan(read, [facts], 'plan.json', null, request.coreml)).toEqual(plan)
      }),
      { numRuns: 200 },
    )
  })
})

/** fp32 of what is stored, or used, in fp16 would be no more precise. */
function floatBits({ dtype, stored }: WeightFacts): number {
  return dtype === 'float16' || stored?.computes === 'float16' ? 16 : 32
}

test('every precision of these tests is a name', () => {
  for (const each of PRECISIONS) {
    const precision: Precision = parsePrecision(each)
    expect(parsePrecision(formatPrecision(precision))).toEqual(precision)
  }
})
