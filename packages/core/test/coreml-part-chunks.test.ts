import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CoremlForm, CoremlPartName } from '../src/formats/coreml/form-types.ts'
import { coremlForm } from '../src/formats/coreml/forms.ts'
import { partChunks } from '../src/formats/coreml/part-chunks.ts'
import { parsePrecision, schemeFor } from '../src/scheme/precision.ts'
import type { Encoding } from '../src/scheme/encoding.ts'
import { anyEncoding, slabOf } from './helpers/coreml-encoding.ts'

const PRECISIONS = [
  'fp16',
  'int8',
  'int8/tensor/asym',
  'int4/4',
  'int4/2/asym',
  'palette1',
  'palette3/g4',
  'palette6/g2x2',
  'palette2x4/int8',
  'palette4/g2/int8/scale',
  'palette4/scale',
  'sparse50+fp16',
  'sparse50+int4/4/asym',
  'sparse2:4+palette3/g4',
] as const

const SPECS = { lowest: 6, highest: 10 }

function formOf(
  precision: string,
  shape: readonly number[],
  outputAxis = 0,
  dtype: 'float16' | 'float32' = 'float16',
): CoremlForm {
  const axes = { outputAxis, inputAxis: 1 - outputAxis }
  const scheme = schemeFor(parsePrecision(precision), { ...axes, scaleDtype: dtype })
  const form = coremlForm({ ...axes, shape, dtype }, scheme, SPECS)
  if (form.kind === 'none') throw new TypeError(form.reason)
  return form
}

/** All bytes of each part; parts must come one after another in the order of the form. */
async function partsOf(
  form: CoremlForm,
  slabs: readonly Encoding[],
): Promise<ReadonlyMap<CoremlPartName, readonly number[]>> {
  const parts = new Map<CoremlPartName, number[]>()
  for await (const { part, bytes } of partChunks(form, slabs)) {
    const isNext = [...parts.keys()].at(-1) === part || !parts.has(part)
    expect(isNext).toBe(true)
    parts.set(part, [...(parts.get(part) ?? []), ...bytes])
  }
  const order = form.parts.map(({ name }) => name)
  expect([...parts.keys()]).toEqual(order.filter((name) => parts.has(name)))
  return parts
}

describe('parts of a weight', () => {
  test.for(PRECISIONS)('%s has as many bytes as its form says', async (precision) => {
    const form = formOf(precision, [8, 8, 3])
    const parts = await partsOf(form, [anyEncoding(form, 1)])
    for (const { name, bytes, mostBytes } of form.parts) {
      if (bytes !== null) expect([name, parts.get(name)?.length]).toEqual([name, bytes])
      expect(bytes ?? 0).toBeLessThanOrEqual(mostBytes)
    }
  })

  test.for(PRECISIONS)('%s has the same bytes in slabs of any rows', async (precision) => {
    const axis = fc.constantFrom(0, 1)
    const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(axis, cuts, fc.nat(), async (outputAxis, found, seed) => {
        const form = formOf(precision, [8, 8], outputAxis)
        const whole = anyEncoding(form, seed)
        // Vectors along the rows cannot be cut.
        const step = form.kind === 'palette' && form.vector.axis === 0 ? form.vector.size : 1
        const rows = [0, ...found.map((row) => row - (row % step)), 8]
        const at = [...new Set(rows)].toSorted((a, b) => a - b)
        const slabs = at.slice(1).map((end, i) => slabOf(whole, at[i] ?? 0, end))
        expect(await partsOf(form, slabs)).toEqual(await partsOf(form, [whole]))
      }),
      { numRuns: 40 },
    )
  })

  test('codes are stored as their form says: around 127, in two’s complement, from 8 on', async () => {
    const shape = [1, 4]
    const base = { kind: 'affine', dtype: 'float16', shape, block: shape } as const
    const codes = Int8Array.of(-7, 0, 5, 7)
    const scale = Float32Array.of(0.5)
    const rest = { ...base, codes, scale, scaleDtype: 'float16' } as const
    const int8 = await partsOf(formOf('int8/tensor', shape), [{ ...rest, integer: 'int8' }])
    expect([...int8]).toEqual([
      ['data', [120, 127, 132, 134]],
      ['offset', [127]],
      ['scale', [0x00, 0x38]],
    ])
    const int4 = await partsOf(formOf('int4/tensor', shape), [{ ...rest, integer: 'int4' }])
    expect(int4.get('data')).toEqual([0x09, 0x75])
    const zeroPoint = Int8Array.of(-3)
    const asymmetric = await partsOf(formOf('int4/tensor/asym', shape), [
      { ...rest, integer: 'int4', zeroPoint },
    ])
    expect(asymmetric.get('data')).toEqual([0x81, 0xfd])
    expect(asymmetric.get('offset')).toEqual([5])
  })

  test('a sparse weight keeps what its mask says, in the order of the values', async () => {
    const form = formOf('sparse50+fp16', [2, 5])
    const values = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    const mask = Uint8Array.of(1, 0, 0, 1, 0, 0, 0, 0, 1, 1)
    const shape = [2, 5]
    const dense = { kind: 'float', dtype: 'float16', shape, values } as const
    const parts = await partsOf(form, [{ kind: 'sparse', shape, mask, values: dense }])
    expect(parts.get('mask')).toEqual([0b00001001, 0b11])
    // 1, 4, 9 and 10 in half precision.
    expect(parts.get('data')).toEqual([0x00, 0x3c, 0x00, 0x44, 0x80, 0x48, 0x00, 0x49])
  })

  test.for([
    'sparse50+fp16',
    'sparse50+int8',
    'sparse50+int8/asym',
    'sparse50+int4/4/asym',
    'sparse50+palette4',
    'sparse50+palette8',
    'sparse50+palette4/int8',
  ])('%s without any value keeps one that is zero', async (precision) => {
    // Readers of weight files refuse empty arrays.
    const form = formOf(precision, [4, 4])
    const some = anyEncoding(form, 3)
    if (some.kind !== 'sparse') throw new TypeError('it is sparse')
    const parts = await partsOf(form, [{ ...some, mask: new Uint8Array(16) }])
    expect(parts.get('mask')).toEqual([1, 0])
    const kept = parts.get('data') ?? parts.get('indices')
    expect(kept?.length).toBe(precision === 'sparse50+fp16' ? 2 : 1)
    if (parts.has('offset') && form.kind === 'sparse' && form.values.kind === 'affine') {
      const mask = form.values.integer === 'int8' ? 255 : 15
      expect(kept?.[0]).toBe((parts.get('offset')?.[0] ?? 0) & mask)
    }
    for (const byte of parts.get('table') ?? []) expect(byte).toBe(0)
  })

  test('an encoding of another form is a mistake in the program', async () => {
    const form = formOf('int8', [8, 8])
    const encoding = anyEncoding(form, 1)
    const other = anyEncoding(formOf('int8/tensor', [8, 8]), 1)
    await expect(partsOf(form, [other])).rejects.toThrow(TypeError)
    await expect(partsOf(form, [anyEncoding(formOf('fp16', [8, 8]), 1)])).rejects.toThrow(TypeError)
    await expect(partsOf(form, [slabOf(encoding, 0, 4)])).rejects.toThrow('4 rows of 8')
    if (encoding.kind !== 'affine') throw new TypeError('it is affine')
    encoding.codes[5] = -128
    await expect(partsOf(form, [encoding])).rejects.toThrow('the code -128')
  })
})
