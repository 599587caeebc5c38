import { expect, test } from 'vitest'
import type { Gate, Report, ReportEvaluation } from '../../core/src/report/report-types.ts'
import { sampleReport } from '../test/sample-report.ts'
import {
  directionOf,
  gateText,
  lowestAllowed,
  scorePhrase,
  significancePhrase,
  summaryPhrase,
  verdictPhrase,
} from './words.ts'

const sample = sampleReport()

function gate(name: string, limit: number, measured: number, status: Gate['status']): Gate {
  return { name, limit, measured, status, text: '' }
}

function evaluation(name: string, value: number): ReportEvaluation {
  const [first] = sample.evaluations
  if (!first) throw new TypeError('the sample has no evaluation')
  return { ...first, name, before: { ...first.before, value } }
}

function withGates(gates: readonly Gate[], evaluations: readonly ReportEvaluation[]): Report {
  return { ...sample, gates, evaluations }
}

/** Spaces of every width as plain spaces. */
function plain(text: string): string {
  return text.replace(/[\u00a0\u202f]/g, ' ')
}

test.for([
  { name: 'max-drop', limit: 0.03, measured: 0.002, shown: ['at most 3.00 points', '0.20 points'] },
  {
    name: 'max-drop',
    limit: 0.01,
    measured: -0.0149,
    shown: ['at most 1.00 points', '−1.49 points'],
  },
  {
    name: 'max-drop',
    limit: 0.01,
    measured: -0.0001,
    shown: ['at most 1.00 points', '−0.01 points'],
  },
  { name: 'min-retained', limit: 0.95, measured: 1.002, shown: ['at least 95.0 %', '100.2 %'] },
  { name: 'size', limit: 3.2e6, measured: 2_719_744, shown: ['at most 3.20 MB', '2.72 MB'] },
  { name: 'toString', limit: 2, measured: 1, shown: ['2', '1'] },
])('gate $name with $measured shows $shown', ({ name, limit, measured, shown }) => {
  const text = gateText(gate(name, limit, measured, 'passed'))
  expect([plain(text.limit), plain(text.measured)]).toEqual(shown)
})

test('the name of a set follows the gate, whatever it holds', () => {
  expect(gateText(gate('max-drop:night:2', 0.03, 0, 'passed')).label).toBe('Accuracy lost, night:2')
})

test('the lowest accuracy that passes is the strictest of the set’s own gates', () => {
  const a = evaluation('a', 0.9)
  const b = evaluation('b', 0.8)
  const gates = [
    gate('max-drop:a', 0.03, 0, 'passed'),
    gate('min-retained:a', 0.95, 1, 'passed'),
    gate('size', 5, 4, 'passed'),
  ]
  expect(lowestAllowed(withGates(gates, [a, b]), a)).toBeCloseTo(0.87, 12)
  expect(lowestAllowed(withGates(gates, [a, b]), b)).toBeNull()
  const [drop] = [gate('max-drop', 0.03, 0, 'passed')]
  expect(lowestAllowed(withGates([drop], [b]), b)).toBeCloseTo(0.77, 12)
})

test.for([
  { statuses: [], phrase: 'No requirement was set.' },
  { statuses: ['passed'], phrase: 'The one requirement is met.' },
  { statuses: ['passed', 'passed'], phrase: 'All 2 requirements are met.' },
  { statuses: ['failed', 'passed'], phrase: '1 of 2 requirements not met.' },
] as const)('gates $statuses: $phrase', ({ statuses, phrase }) => {
  const gates = statuses.map((status) => gate('size', 1, 1, status))
  expect(verdictPhrase(withGates(gates, []))).toBe(phrase)
})

test('the summary tells size and accuracy, or that there is none', () => {
  const before = { bytes: 8_760_000, value: 0.9921 }
  const after = { bytes: 3_040_000, value: 0.9887 }
  expect(plain(summaryPhrase({ ...sample, before, after }))).toBe(
    'Size 8.76 MB → 3.04 MB (−65.3 %), accuracy 99.21 % → 98.87 % (−0.34 points).',
  )
  const unknown = { ...sample, before, after: { ...after, value: null } }
  expect(plain(summaryPhrase(unknown))).toBe(
    'Size 8.76 MB → 3.04 MB (−65.3 %); accuracy was not measured.',
  )
})

test.for([
  { worse: 0, better: 0, pValue: 1, phrase: /^No answer changed its score\.$/ },
  {
    worse: 1,
    better: 0,
    pValue: 1,
    phrase: /^1 answer scored lower and 0 higher: a split that chance/,
  },
  {
    worse: 30,
    better: 4,
    pValue: 0.000_01,
    phrase: /more than chance alone explains .*p < 0\.001/,
  },
])('$worse worse and $better better in words', ({ phrase, ...counts }) => {
  expect(plain(significancePhrase({ ...evaluation('a', 1), ...counts }))).toMatch(phrase)
})

test('an answer is worse, better or the same by its score', () => {
  const change = sample.evaluations[0]?.changed[0]
  if (!change) throw new TypeError('the sample has no changed answer')
  const scored = (scoreBefore: number, scoreAfter: number): string =>
    directionOf({ ...change, scoreBefore, scoreAfter })
  expect([scored(1, 0.3), scored(0.3, 1), scored(0, 0)]).toEqual(['worse', 'better', 'same'])
  expect([scorePhrase(1), scorePhrase(0), plain(scorePhrase(0.3))]).toEqual([
    'right',
    'wrong',
    'scored 30.0 %',
  ])
})
