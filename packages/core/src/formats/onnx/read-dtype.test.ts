import { expect, test } from 'vitest'

import { ONNX_DATA_TYPE } from './data-types.ts'
import { DTYPES } from './read-dtype.ts'

test('every dtype that is written is read, and no other', () => {
  const read = [...DTYPES].map(([number, dtype]) => [dtype, number])
  expect(Object.fromEntries(read)).toEqual(ONNX_DATA_TYPE)
})
