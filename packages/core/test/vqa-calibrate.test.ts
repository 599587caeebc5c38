import { expect, test } from 'vitest'

import type { NamedTensors, Session } from '../src/base/host.ts'
import { calibrate } from '../src/calibrate/calibrate.ts'
import type { Probe } from '../src/calibrate/instrument.ts'
import type { Statistics } from '../src/calibrate/statistics.ts'
import type { VqaSample } from '../src/tasks/dataset.ts'
import { memoryHost } from './helpers/memory-host.ts'
import {
  digitContext,
  digitModel,
  digitSessions,
  sample,
  withOutputs,
} from './helpers/vqa-world.ts'

/** Gives the sum of squares of input `name` as one channel, and how many values it has. */
function probed(session: Session | undefined, name: string): Session {
  if (session === undefined) throw new TypeError('no session')
  return withOutputs(session, (feeds): NamedTensors => {
    const values = [...(feeds[name]?.data ?? [])].map(Number)
    const sum = values.reduce((total, value) => total + value * value, 0)
    return {
      p_sum: { dtype: 'float32', shape: [1], data: Float32Array.of(sum) },
      p_count: { dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(values.length)) },
    }
  })
}

const SESSIONS = {
  v: probed(digitSessions['v'], 'pixel_values'),
  e: probed(digitSessions['e'], 'input_ids'),
  d: probed(digitSessions['d'], 'inputs_embeds'),
}

const probe = (...layers: readonly string[]): Probe => ({
  sum: 'p_sum',
  count: 'p_count',
  channels: 1,
  layers,
})

function run(samples: readonly VqaSample[], sessions = SESSIONS): Promise<Statistics> {
  return calibrate(memoryHost(new Map(), digitContext(sessions)), {
    model: digitModel(),
    modelName: 'digits',
    probes: {
      vision_encoder: [probe('vision.a')],
      embed_tokens: [],
      decoder_model_merged: [probe('decoder.q', 'decoder.k')],
    },
    samples,
    data: 'cal.json',
    prompt: { prompt: '<image>{question}' },
  })
}

test('mean squares are over every run of every sample', async () => {
  const { layers, ...about } = await run([sample(1, '2.jpg', '1'), sample(2, '3.jpg', '1')])
  expect(about).toEqual({
    schema: 'mixbit/statistics@1',
    model: 'digits',
    data: 'cal.json',
    samples: 2,
  })
  // Pictures of three values: (3 * 4 + 3 * 9) / 6. Prompts: 2, 2, 1 and 3, 3, 1.
  expect(layers).toEqual({
    'vision.a': { count: 6, meanSquare: [6.5] },
    'decoder.q': { count: 6, meanSquare: [Math.fround(28 / 6)] },
    'decoder.k': { count: 6, meanSquare: [Math.fround(28 / 6)] },
  })
})

test('a picture counts once, however many questions are asked about it', async () => {
  const samples = [sample(1, '2.jpg', '1'), sample(2, '3.jpg', ''), sample(3, '2.jpg', '')]
  const { layers } = await run(samples)
  expect(layers['vision.a']?.count).toBe(6)
  // 2 2 1, 2 2 and 3 3.
  expect(layers['decoder.q']).toEqual({ count: 7, meanSquare: [Math.fround(35 / 7)] })
})

test('other samples give other statistics', async () => {
  const one = await run([sample(1, '2.jpg', '1')])
  const other = await run([sample(1, '3.jpg', '1')])
  expect(other.layers).not.toEqual(one.layers)
})

test('a layer that reads two activations is judged by both', async () => {
  const { layers } = await calibrate(memoryHost(new Map(), digitContext(SESSIONS)), {
    model: digitModel(),
    modelName: 'digits',
    probes: {
      vision_encoder: [probe('shared')],
      embed_tokens: [],
      decoder_model_merged: [probe('shared')],
    },
    samples: [sample(1, '2.jpg', '1')],
    data: 'cal.json',
    prompt: { prompt: '<image>{question}' },
  })
  // Three pixels of 2, and the prompt 2 2 1.
  expect(layers['shared']).toEqual({ count: 6, meanSquare: [Math.fround(21 / 6)] })
})

test('an activation that overflows is an error that names the layer', async () => {
  const broken = withOutputs(SESSIONS.d, () => ({
    p_sum: { dtype: 'float32', shape: [1], data: Float32Array.of(Infinity) },
  }))
  await expect(run([sample(1, '2.jpg', '1')], { ...SESSIONS, d: broken })).rejects.toMatchObject({
    code: 'not-finite',
    facts: { layer: 'decoder.q' },
  })
})
