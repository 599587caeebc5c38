import { expect, test } from 'vitest'

import type { Session } from '../src/base/host.ts'
import type { Comparison } from '../src/compare/compare.ts'
import { compare } from '../src/compare/compare.ts'
import { memoryHost } from './helpers/memory-host.ts'
import { visionSession } from './helpers/vqa-model.ts'
import {
  digitContext,
  digitModel,
  digitSessions,
  sample,
  withOutputs,
} from './helpers/vqa-world.ts'

/** Vision that gives every feature `error` more. */
function shifted(error: number): Session {
  return withOutputs(visionSession(), (_, { image_features: features }) => ({
    image_features: {
      dtype: 'float32',
      shape: features?.shape ?? [],
      data: Float32Array.from([...(features?.data ?? [])], (value) => Number(value) + error),
    },
  }))
}

function run(vision: Session): Promise<Comparison> {
  const { v, e, d } = digitSessions
  if (!v || !e || !d) throw new TypeError('no sessions')
  const sessions = { v, e, d, otherv: vision, othere: e, otherd: d }
  return compare(memoryHost(new Map(), digitContext(sessions)), {
    reference: digitModel(),
    candidate: digitModel('other'),
    names: { reference: 'a', candidate: 'b', data: 'val.json' },
    samples: [sample(1, '1.jpg', '1'), sample(2, '2.jpg', '')],
    prompt: { prompt: '<image>{question}' },
  })
}

test('equal models have no error', async () => {
  const { outputs, ...about } = await run(visionSession())
  expect(about).toEqual({
    schema: 'mixbit/comparison@1',
    reference: 'a',
    candidate: 'b',
    data: 'val.json',
    samples: 2,
    findings: [],
  })
  expect(outputs.map(({ name }) => name)).toEqual(['image_features', 'inputs_embeds', 'logits'])
  for (const { mse, sqnrDb, top1Agreement } of outputs) {
    expect({ mse, sqnrDb }).toEqual({ mse: 0, sqnrDb: null })
    expect([1, null]).toContain(top1Agreement)
  }
})

test('an error in the features is measured there and in what follows from them', async () => {
  const [features, embeds, logits] = (await run(shifted(1))).outputs
  // Features 1 1 2 2 become 2 2 3 3: error 1 of a signal of 10 / 4.
  expect(features).toMatchObject({ mse: 1, maxAbsError: 1, values: 4 })
  expect(features?.sqnrDb).toBeCloseTo(10 * Math.log10(2.5), 10)
  expect(embeds).toMatchObject({ mse: 0 })
  // Sums 3 and 4 become 5 and 6, so both answers change.
  expect(logits?.top1Agreement).toBe(0)
})

test('outputs that are not finite are a finding', async () => {
  const { findings } = await run(shifted(Number.NaN))
  expect(findings.map(({ code, subject }) => [code, subject])).toContainEqual([
    'not-finite',
    'image_features',
  ])
})
