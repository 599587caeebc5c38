import { describe, expect, test } from 'vitest'
import { SOUND_SCAN } from '../../../test/helpers/facts.ts'
import { packageFact } from '../../../test/helpers/package-facts.ts'
import type { CoremlPart } from '../../formats/coreml/form-types.ts'
import { coremlForm } from '../../formats/coreml/forms.ts'
import { parsePrecision, schemeFor } from '../../scheme/precision.ts'
import { keptAtMost } from './kept.ts'
import { formFacts } from './weight-form.ts'

/** The kept values of a weight of fp16, as a plan knows them. */
function dataOf(precision: string, shape: readonly number[], zeros: number): CoremlPart {
  const elements = shape.reduce((product, size) => product * size, 1)
  const scan = { ...SOUND_SCAN, zeros }
  const facts = packageFact({ shape, elements, outputAxis: 0, inputAxis: 1, scan })
  const scheme = schemeFor(parsePrecision(precision), { outputAxis: 0, inputAxis: 1 })
  const form = coremlForm(formFacts(facts), scheme, { lowest: 9, highest: 9 })
  if (form.kind === 'none') throw new TypeError(form.reason)
  const part = keptAtMost(form, facts, scheme).parts.find(({ name }) =>
    ['data', 'indices'].includes(name),
  )
  if (part === undefined) throw new TypeError('it keeps values')
  return part
}

describe('kept values of 10 x 12', () => {
  // By hand: 120 values of two bytes each.
  test.for([
    { precision: 'sparse50+fp16', zeros: 0, kept: 60, isExact: true },
    // round(0.33 * 120) = 40.
    { precision: 'sparse33+fp16', zeros: 7, kept: 80, isExact: true },
    { precision: 'sparse50+fp16', zeros: 100, kept: 20, isExact: true },
    { precision: 'sparse50+fp16', zeros: 120, kept: 1, isExact: true },
    // 60 runs of 2 outputs, 30 of them zero.
    { precision: 'sparse50/2+fp16', zeros: 0, kept: 60, isExact: true },
    { precision: 'sparse50/2+fp16', zeros: 1, kept: 60, isExact: false },
    // 4 * 12 runs of 3, 3, 3 and 1 outputs: of 24 zero runs 12 may be the short ones.
    { precision: 'sparse50/3+fp16', zeros: 0, kept: 72, isExact: false },
    { precision: 'sparse50/2+fp16', zeros: 90, kept: 30, isExact: false },
    // One of each four of 12 inputs.
    { precision: 'sparse1:4+fp16', zeros: 0, kept: 30, isExact: true },
    { precision: 'sparse1:4+fp16', zeros: 5, kept: 30, isExact: false },
    // 5, 5 and 2 inputs: 3 + 3 + 2.
    { precision: 'sparse3:5+fp16', zeros: 0, kept: 80, isExact: true },
    { precision: 'sparse@0+fp16', zeros: 11, kept: 109, isExact: true },
    { precision: 'sparse@0.5+fp16', zeros: 11, kept: 109, isExact: false },
  ])('$precision with $zeros zeros', ({ precision, zeros, kept, isExact }) => {
    expect(dataOf(precision, [10, 12], zeros)).toMatchObject({
      mostBytes: 2 * kept,
      bytes: isExact ? 2 * kept : null,
    })
  })

  test('of fewer bits fill whole bytes', () => {
    expect(dataOf('sparse50+palette6', [10, 12], 0)).toMatchObject({ bytes: 45 })
    expect(dataOf('sparse33+int4/4', [10, 12], 0)).toMatchObject({ bytes: 40 })
  })
})
