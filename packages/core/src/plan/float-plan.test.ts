import { expect, test } from 'vitest'

import { weightFact } from '../../test/helpers/facts.ts'
import { floatPlan } from './float-plan.ts'

test.for([
  { dtype: 'float32', computed: false, stored: 'float32', form: 'initializer', bytes: 4 },
  { dtype: 'float16', computed: false, stored: 'float16', form: 'initializer + Cast', bytes: 2 },
  { dtype: 'bfloat16', computed: false, stored: 'bfloat16', form: 'initializer + Cast', bytes: 2 },
  { dtype: 'float16', computed: true, stored: 'float32', form: 'initializer', bytes: 4 },
  { dtype: 'bfloat16', computed: true, stored: 'float32', form: 'initializer', bytes: 4 },
] as const)(
  'the float plan keeps $dtype (computed: $computed) as $stored',
  ({ dtype, computed, stored, form, bytes }) => {
    const weight = weightFact({ dtype, shape: [3, 5] })
    const [layer] = floatPlan([weight], new Set(computed ? [weight.layer] : []))
    expect(layer).toMatchObject({
      scheme: { kind: 'float', dtype: stored },
      form,
      bytes: { codes: 15 * bytes, scales: 0, zeroPoints: 0 },
    })
  },
)
