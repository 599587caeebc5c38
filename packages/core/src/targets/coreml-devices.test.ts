import { expect, test } from 'vitest'

import { parsePrecision, schemeFor } from '../scheme/precision.ts'
import type { ComputeUnit, Verdict } from './coreml-devices.ts'
import { COMPUTE_UNITS, STORED_RULES, storedRule } from './coreml-devices.ts'
import { programFindings, storedFindings } from './coreml-findings.ts'
import { PROGRAM_RULES } from './coreml-program-rules.ts'
import { lowestTarget, systemOfSpec } from './coreml-systems.ts'
import { storedFacets } from './stored-facets.ts'

const schemeOf = (name: string): ReturnType<typeof schemeFor> =>
  schemeFor(parsePrecision(name), { outputAxis: 0, inputAxis: 1 })

/** The verdict on each side of what is stored. */
function verdicts(name: string, unit: ComputeUnit): readonly (Verdict | undefined)[] {
  return storedFacets(schemeOf(name)).map((facet) => storedRule(unit, facet)?.verdict)
}

// By hand from docs/coreml-targets.md.
test.for<[string, ComputeUnit, readonly (Verdict | undefined)[]]>([
  ['fp16', 'ane', []],
  ['int8', 'ane', ['runs']],
  ['int8/tensor', 'ane', ['runs']],
  ['int8/32', 'ane', ['leaves']],
  ['int4', 'ane', ['leaves']],
  ['int4/channel', 'ane', ['runs']],
  ['palette4', 'ane', ['best']],
  ['palette4/g16', 'ane', ['best']],
  ['palette4/g4', 'ane', ['best']],
  ['palette4/g3', 'ane', ['slow']],
  ['palette4/g1', 'ane', ['slow']],
  ['palette4/g16/scale', 'ane', ['slow']],
  ['sparse50+fp16', 'ane', ['runs']],
  ['sparse75+fp16', 'ane', ['best']],
  ['sparse50/2+fp16', 'ane', ['best']],
  ['sparse1:4+int4', 'ane', ['best', 'leaves']],
  ['sparse@0.1+palette4', 'ane', ['runs', 'best']],
  ['int4', 'gpu', ['best']],
  ['int4/channel', 'gpu', ['runs']],
  ['int8/32', 'gpu', ['runs']],
  ['palette4/g16', 'gpu', ['smaller']],
  ['sparse50+fp16', 'gpu', [undefined]],
  ['int8', 'cpu', ['smaller']],
  ['palette6', 'cpu', ['smaller']],
  ['sparse2:4+fp16', 'cpu', ['best']],
  ['sparse3:4+fp16', 'cpu', [undefined]],
])('%s on %s: %s', ([name, unit, expected]) => {
  expect(verdicts(name, unit)).toEqual(expected)
})

test('every rule names a source, and every bad one what to do', () => {
  for (const { sources, verdict, finding, unit } of STORED_RULES) {
    expect(sources.length).toBeGreaterThan(0)
    for (const source of sources) expect(source).toMatch(/^https:\/\//u)
    const isBad = ['slow', 'leaves', 'fails'].includes(verdict)
    expect(isBad && finding === undefined).toBe(false)
    expect(COMPUTE_UNITS).toContain(unit)
  }
  for (const { sources } of Object.values(PROGRAM_RULES)) {
    for (const source of sources) expect(source).toMatch(/^https:\/\//u)
  }
})

test('weights of one rule give one finding, with their number, the first and the remedy', () => {
  const weights = ['a', 'b', 'c'].map((layer) => ({ layer, scheme: schemeOf('int4') }))
  expect(storedFindings([{ layer: 'z', scheme: schemeOf('int8') }, ...weights], null)).toEqual([
    {
      code: 'ane-blocks',
      severity: 'info',
      message:
        'Integers in blocks leave the Neural Engine, which takes one scale a tensor or channel, or give ' +
        'wrong values on it: 3, the first "a". Run there: a 4-bit palette in groups of 16 (palette4/g16), ' +
        'or 8 bits per channel (int8/channel). (https://github.com/apple/coremltools/issues/2510)',
    },
  ])
})

test('another unit has other findings', () => {
  const weights = [
    { layer: 'a', scheme: schemeOf('int4') },
    { layer: 'b', scheme: schemeOf('palette4/g1') },
  ]
  const codes = (unit: ComputeUnit | null): readonly string[] =>
    storedFindings(weights, unit).map(({ code }) => code)
  expect(codes(null)).toEqual(['ane-blocks', 'ane-many-tables'])
  expect(codes('ane')).toEqual(['ane-blocks', 'ane-many-tables'])
  expect(codes('gpu')).toEqual(['gpu-palette'])
  expect(codes('cpu')).toEqual([])
})

test('programs: only what the unit is concerned by', () => {
  const none = {
    largeDimension: [],
    highRank: [],
    manyBytes: [],
    float32: [],
    recurrent: [],
    signedCodes: [],
  }
  expect(programFindings(none, null)).toEqual([])
  const all = {
    ...none,
    highRank: ['v'],
    signedCodes: ['w'],
    float32: ['a', 'b'],
    recurrent: ['r'],
  }
  const codes = (unit: ComputeUnit | null): readonly string[] =>
    programFindings(all, unit).map(({ code }) => code)
  expect(codes(null)).toEqual(['high-rank', 'signed-int8', 'ane-float32', 'ane-recurrent'])
  expect(codes('gpu')).toEqual(['high-rank', 'signed-int8'])
  expect(codes('cpu')).toEqual(['high-rank'])
  expect(programFindings({ ...none, float32: ['a', 'b'] }, 'ane')[0]?.message).toMatch(
    /^Operations in float32 .*: 2, the first "a"\. Convert/u,
  )
})

test('systems and targets of specification versions', () => {
  expect([6, 7, 8, 9, 10, 11].map(systemOfSpec)).toEqual([
    'iOS 15',
    'iOS 16',
    'iOS 17',
    'iOS 18',
    'iOS 26',
    'specification version 11',
  ])
  expect([6, 7, 8, 9, 10].map(lowestTarget)).toEqual([
    'coreml-ios16',
    'coreml-ios16',
    'coreml-ios17',
    'coreml-ios18',
    'coreml-ios18',
  ])
})
