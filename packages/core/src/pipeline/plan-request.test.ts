import { expect, test } from 'vitest'

import { mergeConfig } from '../config/merge-config.ts'
import { planRequest } from './plan-request.ts'

const AUDIT = {
  model: 'm',
  components: { decoder: { parameters: 1, bytes: 2, layers: 1 } },
}

test('components that only the preset names may be missing in the model', () => {
  const { components } = planRequest(mergeConfig({ preset: 'balanced' }, {}), AUDIT, null)
  expect(components).toEqual({ decoder: 'int4' })
})

test('components that were asked for by name are kept, for planning to check', () => {
  const config = mergeConfig({ components: { decodr: 'int8' } }, { components: { other: 'fp16' } })
  const { components } = planRequest(config, AUDIT, null)
  expect(components).toEqual({ decodr: 'int8', other: 'fp16', decoder: 'int4' })
})
