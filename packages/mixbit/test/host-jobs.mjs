// Jobs of host-pool.test.ts, the same in a worker thread and in process.
import { setTimeout as wait } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'
import { MixbitError } from '@mixbit/core'

let output

export const testJobs = {
  async double(values) {
    return values.map((value) => value * 2)
  },
  async keep(values) {
    output = values
    return values
  },
  async kept() {
    return output.length
  },
  async sleep({ value, milliseconds }) {
    await wait(milliseconds)
    return value
  },
  async thread() {
    await wait(20)
    return threadId
  },
  async refuse(value) {
    if (value < 0) throw new MixbitError('not-finite', `Refused ${value}`, { value })
    return value
  },
  async break() {
    throw new RangeError('a defect')
  },
  async exit() {
    process.exit(3)
  },
  async crash() {
    setTimeout(() => {
      throw new Error('outside of every job')
    })
    await wait(10_000)
  },
  async run({ path, input }, context) {
    const session = await context.session(path, { numerics: 'faithful' })
    return await session.run({ x: input })
  },
  async picture(path, context) {
    return await context.decodeImage(path)
  },
  async encode({ folder, text }, context) {
    return (await context.tokenizer(folder)).encode(text)
  },
}
