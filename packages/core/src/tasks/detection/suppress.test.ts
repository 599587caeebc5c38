import fc from 'fast-check'
import { expect, test } from 'vitest'
import { suppress } from './suppress.ts'

const of = (rows: readonly (readonly number[])[]) => ({
  boxes: Float32Array.from(rows.flatMap((row) => row.slice(0, 4))),
  scores: Float32Array.from(rows, (row) => row[4] ?? 0),
  classes: rows.map((row) => row[5] ?? 0),
})
const options = { iou: 0.5, mostFound: 300 }

test.for([
  { name: 'nothing', rows: [], kept: [] },
  {
    name: 'the better of two alike',
    rows: [
      [0, 0, 10, 10, 0.5, 0],
      [0, 0, 10, 9, 0.9, 0],
    ],
    kept: [1],
  },
  {
    name: 'both of two classes',
    rows: [
      [0, 0, 10, 10, 0.5, 0],
      [0, 0, 10, 10, 0.9, 1],
    ],
    kept: [1, 0],
  },
  {
    name: 'an overlap of exactly the limit',
    rows: [
      [0, 0, 10, 10, 0.9, 0],
      [0, 0, 10, 5, 0.5, 0],
    ],
    kept: [0, 1],
  },
  {
    name: 'equal scores in their order',
    rows: [
      [0, 0, 1, 1, 0.5, 0],
      [5, 5, 6, 6, 0.5, 0],
    ],
    kept: [0, 1],
  },
  {
    name: 'a box that only a dropped one overlaps',
    rows: [
      [0, 0, 10, 10, 0.9, 0],
      [0, 3, 10, 13, 0.8, 0],
      [0, 6, 10, 16, 0.7, 0],
    ],
    kept: [0, 2],
  },
])('suppress keeps $name', ({ rows, kept }) => {
  expect(suppress(of(rows), options)).toEqual(kept)
})

test('at most so many boxes are kept, the best', () => {
  const rows = Array.from({ length: 9 }, (_, i) => [i * 20, 0, i * 20 + 10, 10, i / 10, 0])
  expect(suppress(of(rows), { iou: 0.5, mostFound: 2 })).toEqual([8, 7])
})

test('kept boxes of a class overlap by no more than the limit, and every other one by more', () => {
  const edge = fc.integer({ min: 0, max: 20 })
  const row = fc.tuple(
    edge,
    edge,
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: 20 }),
    fc.nat(2),
  )
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), (list) => {
      const rows = list.map(([x, y, w, h, name], i) => [x, y, x + w, y + h, 1 - i / 100, name])
      const kept = suppress(of(rows), options)
      const overlaps = (a: number, b: number): boolean => iou(rows[a] ?? [], rows[b] ?? []) > 0.5
      for (const [at] of rows.entries()) {
        const better = kept.filter((other) => other < at)
        expect(kept.includes(at)).toBe(!better.some((other) => overlaps(other, at)))
      }
    }),
  )
})

function iou(a: readonly number[], b: readonly number[]): number {
  const [ax = 0, ay = 0, ar = 0, ab = 0, , aClass] = a
  const [bx = 0, by = 0, br = 0, bb = 0, , bClass] = b
  if (aClass !== bClass) return 0
  const shared =
    Math.max(0, Math.min(ar, br) - Math.max(ax, bx)) *
    Math.max(0, Math.min(ab, bb) - Math.max(ay, by))
  return shared / ((ar - ax) * (ab - ay) + (br - bx) * (bb - by) - shared)
}
