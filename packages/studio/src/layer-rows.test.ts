import { expect, test } from 'vitest'
import type { ReportLayer } from '../../core/src/report/report-types.ts'
import {
  type LayerFilter,
  layerRows,
  nextSorting,
  type Sorting,
  type SortKey,
} from './layer-rows.ts'

const EVERYTHING: LayerFilter = { words: '', component: '' }

function layer(name: string, facts: Partial<ReportLayer>): ReportLayer {
  return {
    layer: name,
    component: 'decoder',
    role: 'linear',
    shape: [1],
    precision: 'int4/32',
    form: 'MatMulNBits',
    algorithm: 'mse',
    before: 2,
    after: 1,
    sqnrDb: null,
    mse: 0,
    maxAbsError: 0,
    reasons: [],
    histogram: null,
    ...facts,
  }
}

const LAYERS: readonly ReportLayer[] = [
  layer('layers.10.q', { sqnrDb: 20, shape: [4, 4] }),
  layer('layers.2.q', { sqnrDb: null, shape: [100], component: 'vision_encoder' }),
  layer('layers.1.k', { sqnrDb: 40, shape: [2, 2], precision: 'int8' }),
]

function names(filter: LayerFilter, sorting: Sorting | null): readonly string[] {
  return layerRows(LAYERS, filter, sorting).map((row) => row.layer.layer)
}

test.for<{ key: SortKey; direction: Sorting['direction']; order: readonly string[] }>([
  { key: 'layer', direction: 'ascending', order: ['layers.1.k', 'layers.2.q', 'layers.10.q'] },
  { key: 'shape', direction: 'descending', order: ['layers.2.q', 'layers.10.q', 'layers.1.k'] },
  { key: 'sqnrDb', direction: 'descending', order: ['layers.1.k', 'layers.10.q', 'layers.2.q'] },
  { key: 'sqnrDb', direction: 'ascending', order: ['layers.10.q', 'layers.1.k', 'layers.2.q'] },
])('by $key, $direction', ({ key, direction, order }) => {
  expect(names(EVERYTHING, { key, direction })).toEqual(order)
})

test('without a chosen column the order is the report’s', () => {
  expect(names(EVERYTHING, null)).toEqual(['layers.10.q', 'layers.2.q', 'layers.1.k'])
})

test('every word must occur, in any case, in any of the texts', () => {
  expect(names({ words: ' LAYERS  int8 ', component: '' }, null)).toEqual(['layers.1.k'])
  expect(names({ words: 'layers int2', component: '' }, null)).toEqual([])
  expect(names({ words: '', component: 'vision_encoder' }, null)).toEqual(['layers.2.q'])
})

test('a row keeps the index of its layer in the report', () => {
  const rows = layerRows(LAYERS, EVERYTHING, { key: 'layer', direction: 'ascending' })
  expect(rows.map((row) => row.index)).toEqual([2, 1, 0])
})

test('pressing a heading goes through both directions and back to the report’s order', () => {
  const first = nextSorting(null, 'after')
  const second = nextSorting(first, 'after')
  expect([first, second, nextSorting(second, 'after')]).toEqual([
    { key: 'after', direction: 'descending' },
    { key: 'after', direction: 'ascending' },
    null,
  ])
  expect(nextSorting(second, 'layer')).toEqual({ key: 'layer', direction: 'ascending' })
})
