import type { Gate } from '@mixbit/core'
import { expect, test } from 'vitest'
import { nextText } from './next-text.ts'
import { plainPaint } from './style.ts'

const gate = (name: string, status: Gate['status']): Gate => ({
  name,
  status,
  limit: 0,
  measured: 0,
  text: '',
})

test.for([
  { about: 'nothing measured', gates: [], next: /measure it: mixbit evaluate out .* --eval\.$/u },
  {
    about: 'an accuracy gate failed',
    gates: [gate('size', 'failed'), gate('max-drop:val', 'failed')],
    next: /--layer or --component.*quality_focused.*--calibration/u,
  },
  {
    about: 'only the size gate failed',
    gates: [gate('max-drop', 'passed'), gate('size', 'failed')],
    next: /fewer bits.*ultra_fast/u,
  },
])('after a run with $about there is a next step', ({ gates, next }) => {
  const text = nextText({ gates, evaluations: [] }, 'out', { width: 60, paint: plainPaint })
  const lines = text.trimEnd().split('\n')
  expect(lines[0]).toBe('Report: out/report.html')
  expect(lines.every((line) => line.length <= 60)).toBe(true)
  expect(lines.slice(1).join(' ').replaceAll(/ +/gu, ' ')).toMatch(next)
})
