import { expect, test } from 'vitest'
import type { JobContext, Session } from '../base/host.ts'
import { timedContext } from './timed-context.ts'

test('only the runs of graphs count, and each once', async () => {
  let clock = 10
  const wait = (seconds: number): void => void (clock += seconds)
  const session: Session = {
    inputs: [],
    outputs: [],
    run: () => {
      wait(2)
      return Promise.resolve({})
    },
    release: () => Promise.resolve(),
  }
  const context: JobContext = {
    session: () => {
      wait(50)
      return Promise.resolve(session)
    },
    decodeImage: () => {
      wait(7)
      return Promise.resolve({ width: 0, height: 0, rgb: new Uint8Array() })
    },
    tokenizer: () => Promise.reject(new TypeError('no tokenizer')),
  }
  const timed = timedContext(context, () => clock)
  const loaded = await timed.context.session('a.onnx', { numerics: 'device' })
  await timed.context.decodeImage('a.png')
  expect(timed.take()).toBe(0)
  await loaded.run({})
  await loaded.run({})
  expect(timed.take()).toBe(4)
  expect(timed.take()).toBe(0)
})
