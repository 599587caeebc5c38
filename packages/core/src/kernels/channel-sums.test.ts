import fc from 'fast-check'
import { expect, test } from 'vitest'

import { addChannelSums } from './channel-sums.ts'

test('each value is added to the sum of its channel', () => {
  const size = fc.integer({ min: 1, max: 5 })
  fc.assert(
    fc.property(size, size, size, (outer, channels, inner) => {
      const x = Float32Array.from({ length: outer * channels * inner }, (_, i) => (i * 7) % 11)
      const sums = new Float64Array(channels).fill(1)
      addChannelSums(sums, x, inner)
      const expected = Array.from({ length: channels }, (_, c) =>
        x.reduce((sum, v, i) => (Math.floor(i / inner) % channels === c ? sum + v : sum), 1),
      )
      expect([...sums]).toEqual(expected)
    }),
  )
})
