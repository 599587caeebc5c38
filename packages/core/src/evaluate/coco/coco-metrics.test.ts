import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cocoInterval, cocoMetrics, matchObjects } from './coco-metrics.ts'
import type { CocoBox, FoundObject, TrueObject } from './coco-types.ts'
import { IOU_THRESHOLDS, RECALLS } from './coco-types.ts'

const truth = (picture: number, box: CocoBox, more: Partial<TrueObject> = {}): TrueObject => ({
  picture,
  category: 1,
  box,
  area: box[2] * box[3],
  isCrowd: false,
  ...more,
})
const found = (picture: number, box: CocoBox, score: number, category = 1): FoundObject => ({
  picture,
  category,
  box,
  score,
})
const A: CocoBox = [0, 0, 40, 40]
const B: CocoBox = [100, 100, 40, 40]
const metrics = (truths: readonly TrueObject[], all: readonly FoundObject[]) =>
  cocoMetrics(matchObjects(truths, all))

test("the thresholds are numpy's", () => {
  expect(IOU_THRESHOLDS).toHaveLength(10)
  expect(IOU_THRESHOLDS[5]).toBeCloseTo(0.75, 12)
  expect(IOU_THRESHOLDS.at(-1)).toBe(0.95)
  expect([RECALLS.length, RECALLS[100], RECALLS[29]]).toEqual([101, 1, 0.29])
})

// pycocotools adds 2^-52 to what it divides by, so a perfect precision is just below 1.
test('perfect detections score 1 in every number that is defined', () => {
  const values = metrics([truth(0, A), truth(1, B)], [found(0, A, 0.9), found(1, B, 0.8)])
  const one = expect.closeTo(1, 12)
  expect(values).toMatchObject({ ap: one, ap50: one, ap75: one, ar1: 1, ar10: 1, ar100: 1 })
  // 40 x 40 is medium; nothing is small or large.
  expect(values).toMatchObject({ apMedium: one, arMedium: 1, apSmall: null, apLarge: null })
})

test('nothing found scores 0, and nothing to find is null', () => {
  expect(metrics([truth(0, A)], [])).toMatchObject({ ap: 0, ar100: 0, apLarge: null })
  expect(metrics([], [found(0, A, 1)]).ap).toBeNull()
})

test('an overlap of 0.6 counts at the thresholds up to 0.6', () => {
  // 40 x 40 against 40 x 24 inside it: 960 / 1600 = 0.6 exactly, which 0.5, 0.55 and 0.6 accept.
  const values = metrics([truth(0, A)], [found(0, [0, 0, 40, 24], 1)])
  expect(values).toMatchObject({ ap50: expect.closeTo(1, 12), ap75: 0 })
  expect(values.ap).toBeCloseTo(0.3, 12)
})

test('half of the objects found gives the share of the 101 recalls up to one half', () => {
  const values = metrics([truth(0, A), truth(0, B)], [found(0, A, 1)])
  expect(values.ap).toBeCloseTo(51 / 101, 12)
  expect(values.ar100).toBe(0.5)
})

test('a wrong detection before the right one halves its precision', () => {
  const values = metrics([truth(0, A)], [found(0, B, 0.9), found(0, A, 0.8)])
  expect(values.ap).toBeCloseTo(0.5, 12)
  expect(values.ar1).toBe(0)
  expect(values.ar10).toBe(1)
})

test('an object is found once; a second detection of it is wrong', () => {
  const truths = [truth(0, A), truth(0, B)]
  const values = metrics(truths, [found(0, A, 0.9), found(0, A, 0.8), found(0, B, 0.7)])
  // Precision 1 up to recall 0.5, then 2 / 3.
  expect(values.ap).toBeCloseTo((51 + (50 * 2) / 3) / 101, 12)
})

test('a crowd takes any number of detections and counts neither way', () => {
  const crowd = truth(0, [0, 0, 400, 400], { isCrowd: true })
  const inside = [found(0, [300, 300, 20, 20], 0.9), found(0, [200, 0, 20, 20], 0.8)]
  expect(metrics([crowd, truth(0, B)], [...inside, found(0, B, 0.7)]).ap).toBeCloseTo(1, 12)
  expect(metrics([crowd], inside).ap).toBeNull()
})

test('the annotated area decides the range, and detections outside it are ignored', () => {
  const small = truth(0, A, { area: 32 * 32 })
  const values = metrics([small], [found(0, B, 0.9), found(0, A, 0.8)])
  // The range ends include 1024, so it is small and medium. The wrong detection is medium only.
  expect(values.apSmall).toBeCloseTo(1, 12)
  expect(values.apMedium).toBeCloseTo(0.5, 12)
  expect(values.apLarge).toBeNull()
})

test('categories are apart, and one without objects is left out of the mean', () => {
  const truths = [truth(0, A), truth(0, B, { category: 2 })]
  const values = metrics(truths, [found(0, A, 1), found(0, B, 1, 3)])
  expect(values.ap).toBeCloseTo(0.5, 12)
})

test('more than 100 detections of a picture are cut at the best', () => {
  const many = Array.from({ length: 100 }, () => found(0, B, 0.9))
  expect(metrics([truth(0, A)], [...many, found(0, A, 0.1)]).ap).toBe(0)
  expect(metrics([truth(0, A)], [...many.slice(1), found(0, A, 0.1)]).ap).toBeCloseTo(0.01, 12)
})

test('the interval draws pictures and holds the value', () => {
  const pictures = 40
  const truths = Array.from({ length: pictures }, (_, i) => truth(i, A))
  const all = truths.map(({ picture }) => found(picture, picture % 4 === 0 ? B : A, 1))
  const matches = matchObjects(truths, all)
  const ap = cocoMetrics(matches).ap ?? 0
  const interval = cocoInterval(matches, pictures)
  expect(interval?.low).toBeLessThan(ap)
  expect(interval?.high).toBeGreaterThan(ap)
  expect(cocoInterval(matches, 1)).toBeNull()
})

test('the order of detections with different scores changes nothing', () => {
  const box = fc.tuple(
    fc.nat(60),
    fc.nat(60),
    fc.integer({ min: 1, max: 60 }),
    fc.integer({ min: 1, max: 60 }),
  )
  const entry = fc.record({ picture: fc.nat(2), box, category: fc.nat(1) })
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 8 }), fc.array(entry, { maxLength: 12 }), (a, b) => {
      const truths = a.map((each) => truth(each.picture, each.box, { category: each.category }))
      const all = b.map((each, i) => found(each.picture, each.box, 1 / (i + 1), each.category))
      const values = metrics(truths, all)
      expect(metrics(truths, all.toReversed())).toEqual(values)
      for (const value of Object.values(values)) {
        expect(value ?? 0).toBeGreaterThanOrEqual(0)
        expect(value ?? 0).toBeLessThanOrEqual(1 + 1e-12)
      }
    }),
  )
})
