import { expect, test } from 'vitest'
import { memorySource } from '../../base/bytes.ts'
import { sampleTensors } from './sample-file.ts'

/** A .npy file of version 1, as numpy writes it. */
function npy(header: string, values: Uint8Array, version = 1): Uint8Array {
  const text = new TextEncoder().encode(`${header}\n`)
  const start = version === 1 ? 10 : 12
  const file = new Uint8Array(start + text.length + values.length)
  file.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0])
  const view = new DataView(file.buffer)
  if (version === 1) view.setUint16(8, text.length, true)
  else view.setUint32(8, text.length, true)
  file.set(text, start)
  file.set(values, start + text.length)
  return file
}

const header = (descr: string, shape: string, order = 'False'): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }`
const open = (bytes: Uint8Array) => sampleTensors(memorySource('x.npy', bytes), 'x')
const floats = (...values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer)

test('a .npy file gives one slice a sample', async () => {
  const [tensor] = await open(npy(header('<f4', '2, 3'), floats(1, 2, 3, 4, 5, 6)))
  expect(tensor).toMatchObject({ name: 'x', dtype: 'float32', shape: [2, 3] })
  expect(await tensor?.read(1)).toEqual({
    dtype: 'float32',
    shape: [3],
    data: Float32Array.of(4, 5, 6),
  })
})

test('a list of numbers gives one number a sample, in any version of the format', async () => {
  const bytes = new Uint8Array(BigInt64Array.of(7n, -9n).buffer)
  for (const version of [1, 2, 3]) {
    const [tensor] = await open(npy(header('<i8', '2,'), bytes, version))
    expect(await tensor?.read(1)).toEqual({
      dtype: 'int64',
      shape: [],
      data: BigInt64Array.of(-9n),
    })
  }
})

test('doubles become float32', async () => {
  const [tensor] = await open(
    npy(header('<f8', '1, 1'), new Uint8Array(Float64Array.of(0.1).buffer)),
  )
  expect((await tensor?.read(0))?.data).toEqual(Float32Array.of(0.1))
})

const whole = npy(header('<f4', '2, 1'), floats(1, 2))

test('a file cut anywhere is refused with a code, never misread', async () => {
  for (let length = 0; length < whole.length; length++) {
    await expect(open(whole.subarray(0, length))).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:truncated|malformed)$/),
    })
  }
})

test.for([
  { name: 'another magic', bytes: Uint8Array.from({ length: 40 }), code: 'malformed' },
  {
    name: 'another version',
    bytes: npy(header('<f4', '1,'), floats(1), 9),
    code: 'unsupported-version',
  },
  { name: 'bytes too many', bytes: npy(header('<f4', '1,'), floats(1, 2)), code: 'malformed' },
  { name: 'column order', bytes: npy(header('<f4', '1,', 'True'), floats(1)), code: 'malformed' },
  {
    name: 'big-endian values',
    bytes: npy(header('>f4', '1,'), floats(1)),
    code: 'unsupported-dtype',
  },
  { name: 'objects', bytes: npy(header('|O', '1,'), floats(1)), code: 'unsupported-dtype' },
  { name: 'no sample axis', bytes: npy(header('<f4', ''), floats(1)), code: 'invalid-dataset' },
  {
    name: 'a huge sample',
    bytes: npy(header('<f4', '1, 99999999999'), floats(1)),
    code: 'limit-exceeded',
  },
  {
    name: 'an impossible shape',
    bytes: npy(header('<f4', '99999999, 99999999, 9'), floats(1)),
    code: 'malformed',
  },
  {
    name: 'nine axes',
    bytes: npy(header('<f4', '1,1,1,1,1,1,1,1,1'), floats(1)),
    code: 'malformed',
  },
  {
    name: 'a record',
    bytes: npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", floats(1)),
    code: 'malformed',
  },
  {
    name: 'a header that claims a gigabyte',
    bytes: Uint8Array.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0, 0, 0, 0, 0x40]),
    code: 'limit-exceeded',
  },
])('a .npy file with $name is refused', async ({ bytes, code }) => {
  await expect(open(bytes)).rejects.toMatchObject({ code })
})
