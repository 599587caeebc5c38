// Core never prints, so console output in a test is a mistake.
import { afterEach, beforeEach, expect, vi } from 'vitest'

const methods = ['log', 'info', 'warn', 'error', 'debug']
const printed = []

beforeEach(() => {
  printed.length = 0
  for (const method of methods) {
    vi.spyOn(console, method).mockImplementation((...args) => {
      printed.push(`console.${method}(${args.map(String).join(', ')})`)
    })
  }
})

afterEach(() => {
  expect(printed, 'a test may not print').toEqual([])
})
