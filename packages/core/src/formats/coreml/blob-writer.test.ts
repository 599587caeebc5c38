import { describe, expect, test } from 'vitest'
import { memorySource } from '../../base/bytes.ts'
import type { ByteSink } from '../../base/bytes.ts'
import { scalarKernels } from '../../kernels/scalar.ts'
import type { PaletteBits } from '../../scheme/scheme.ts'
import { indexBlobs, readBlobCount } from './blob-index.ts'
import type { BlobFile } from './blob-index.ts'
import { paddingOf, startBlobFile } from './blob-writer.ts'
import { MIL_DTYPES } from './mil-dtype.ts'
import type { MilDtype } from './mil-dtype.ts'

function memorySink(): ByteSink & { readonly bytes: () => Uint8Array } {
  const pieces: Uint8Array[] = []
  return {
    name: 'weight.bin',
    write: (bytes) => Promise.resolve(void pieces.push(bytes.slice())),
    close: () => Promise.resolve(),
    discard: () => Promise.resolve(),
    bytes: () => new Uint8Array(Buffer.concat(pieces)),
  }
}

async function* pieces(...all: readonly (readonly number[])[]): AsyncGenerator<Uint8Array> {
  for (const each of all) yield await Promise.resolve(Uint8Array.from(each))
}

// Written by MILBlob's own StorageWriter (coremltools 9.0).
const GOLDEN: readonly {
  readonly dtype: MilDtype
  readonly bits: PaletteBits
  readonly values: readonly number[]
  readonly bytes: readonly number[]
  readonly padding: number
}[] = [
  { dtype: 'uint3', bits: 3, values: [1, 2, 3, 4, 5], bytes: [0xd1, 0x58], padding: 1 },
  { dtype: 'int4', bits: 4, values: [-8, -1, 7], bytes: [0xf8, 0x07], padding: 4 },
  { dtype: 'uint6', bits: 6, values: [1, 2, 3, 63, 0], bytes: [0x81, 0x30, 0xfc, 0], padding: 2 },
  { dtype: 'uint1', bits: 1, values: [1, 0, 0, 1, 1, 0, 0, 0, 1], bytes: [0x19, 1], padding: 7 },
  { dtype: 'uint4', bits: 4, values: [1, 2, 15], bytes: [0x21, 0x0f], padding: 4 },
  { dtype: 'uint2', bits: 2, values: [0, 1, 2, 3, 1], bytes: [0xe4, 0x01], padding: 6 },
]

describe('weight files', () => {
  test.for(GOLDEN)('hold $dtype $values as MILBlob does', async (each) => {
    const { dtype, bits, values, bytes, padding } = each
    const packed = new Uint8Array(bytes.length)
    scalarKernels.packBits(packed, Uint8Array.from(values), bits)
    expect([...packed]).toEqual(bytes)
    expect(paddingOf(dtype, values.length)).toBe(padding)
  })

  test('have a header of 64 bytes, and one of 64 bytes at a multiple of 64 before each array', async () => {
    const sink = memorySink()
    const writer = await startBlobFile(sink, 2)
    const first = { dtype: 'uint8', bytes: 3, paddingBits: 0 } as const
    expect(await writer.write(first, pieces([1, 2], [3]))).toBe(64)
    const second = { dtype: 'uint3', bytes: 2, paddingBits: 1 } as const
    expect(await writer.write(second, pieces([0xd1, 0x58]))).toBe(192)
    const bytes = sink.bytes()
    const view = new DataView(bytes.buffer)
    // By hand from StorageFormat.hpp; BlobDataType 3 is uint8 and 12 is uint3.
    expect([...bytes.subarray(0, 8)]).toEqual([2, 0, 0, 0, 2, 0, 0, 0])
    expect([...bytes.subarray(64, 72)]).toEqual([0xef, 0xbe, 0xad, 0xde, 3, 0, 0, 0])
    expect([72, 80, 88].map((at) => Number(view.getBigUint64(at, true)))).toEqual([3, 128, 0])
    expect([...bytes.subarray(128, 132)]).toEqual([1, 2, 3, 0])
    expect([...bytes.subarray(192, 200)]).toEqual([0xef, 0xbe, 0xad, 0xde, 12, 0, 0, 0])
    expect([200, 208, 216].map((at) => Number(view.getBigUint64(at, true)))).toEqual([2, 256, 1])
    // No padding at the end.
    expect([...bytes.subarray(256)]).toEqual([0xd1, 0x58])
  })

  test('are indexed as they were written', async () => {
    const sink = memorySink()
    const writer = await startBlobFile(sink, 2)
    const offsets = [
      await writer.write(
        { dtype: 'float16', bytes: 6, paddingBits: 0 },
        pieces([1, 2, 3, 4, 5, 6]),
      ),
      await writer.write({ dtype: 'uint6', bytes: 4, paddingBits: 2 }, pieces([9, 9, 9, 9])),
    ]
    const source = memorySource('weight.bin', sink.bytes())
    expect(await readBlobCount(source)).toBe(2)
    // Asked for in any order, and more than once.
    const blobs = await indexBlobs(source, [...offsets.toReversed(), 64])
    expect([...blobs.values()]).toEqual([
      { offset: 64, dtype: 'float16', dataOffset: 128, bytes: 6, paddingBits: 0 },
      { offset: 192, dtype: 'uint6', dataOffset: 256, bytes: 4, paddingBits: 2 },
    ])
  })

  test('keep the header of a copied blob but for its place', async () => {
    const { bytes } = await damaged()
    bytes.fill(0xab, 64 + 32, 64 + 64)
    const source = memorySource('old', bytes)
    const file: BlobFile = {
      name: 'old',
      path: 'old',
      source,
      blobs: await indexBlobs(source, [64, 192]),
    }
    const sink = memorySink()
    const writer = await startBlobFile(sink, 2)
    const [first, second] = file.blobs.values()
    if (first === undefined || second === undefined) throw new TypeError('there are two')
    expect(await writer.copy(file, second)).toBe(64)
    expect(await writer.copy(file, first)).toBe(192)
    const copy = sink.bytes()
    expect(copy.subarray(192 + 32, 256)).toEqual(bytes.subarray(64 + 32, 128))
    expect(new DataView(copy.buffer).getBigUint64(192 + 16, true)).toBe(256n)
    expect(copy.subarray(256, 259)).toEqual(bytes.subarray(128, 131))
  })

  test('take no more blobs and no fewer bytes than they say', async () => {
    const writer = await startBlobFile(memorySink(), 1)
    const header = { dtype: 'uint8', bytes: 2, paddingBits: 0 } as const
    await expect(writer.write(header, pieces([1]))).rejects.toThrow(TypeError)
    await expect(writer.write(header, pieces([1, 2]))).rejects.toThrow(TypeError)
  })
})

/** Two arrays: three bytes at 64, two bytes of uint3 at 192. */
async function damaged(): Promise<{ readonly bytes: Uint8Array; readonly view: DataView }> {
  const sink = memorySink()
  const writer = await startBlobFile(sink, 2)
  await writer.write({ dtype: 'uint8', bytes: 3, paddingBits: 0 }, pieces([1, 2, 3]))
  await writer.write({ dtype: 'uint3', bytes: 2, paddingBits: 1 }, pieces([4, 5]))
  const bytes = sink.bytes()
  return { bytes, view: new DataView(bytes.buffer) }
}

describe('a damaged weight file is refused', () => {
  test.for<readonly [string, number, (view: DataView) => void]>([
    ['a wrong sentinel', 64, (view) => view.setUint32(64, 0xdeadbeee, true)],
    ['an offset that is no multiple of 64', 65, () => {}],
    ['an offset in the header of the file', 0, () => {}],
    ['an offset behind the end', 1024, () => {}],
    ['a size beyond the end', 192, (view) => view.setBigUint64(200, 3n, true)],
    ['a size of 2^64 - 1', 192, (view) => view.setBigUint64(200, 2n ** 64n - 1n, true)],
    ['data before its header', 192, (view) => view.setBigUint64(208, 128n, true)],
    ['eight bits of padding', 192, (view) => view.setBigUint64(216, 8n, true)],
    ['an array that runs into the next one', 64, (view) => view.setBigUint64(72, 66n, true)],
  ])('%s', async ([, offset, damage]) => {
    const { bytes, view } = await damaged()
    damage(view)
    const source = memorySource('weight.bin', bytes)
    await expect(indexBlobs(source, [offset, 64, 192])).rejects.toMatchObject({ code: 'malformed' })
  })

  test('another version', async () => {
    const { bytes, view } = await damaged()
    view.setUint32(4, 1, true)
    await expect(readBlobCount(memorySource('weight.bin', bytes))).rejects.toMatchObject({
      code: 'unsupported-version',
    })
  })

  test('a file that ends inside its header', async () => {
    await expect(
      readBlobCount(memorySource('weight.bin', new Uint8Array(40))),
    ).rejects.toMatchObject({
      code: 'truncated',
    })
  })

  test('but not for what writers before iOS 18 left where others have the padding', async () => {
    const { bytes, view } = await damaged()
    view.setBigUint64(64 + 24, 12345n, true)
    const blobs = await indexBlobs(memorySource('weight.bin', bytes), [64])
    expect(blobs.get(64)?.paddingBits).toBe(0)
  })
})

test('no two element types have one number', () => {
  const all = Object.values(MIL_DTYPES)
  expect(new Set(all.map(({ proto }) => proto)).size).toBe(all.length)
  const blobs = all.flatMap(({ blob }) => blob ?? [])
  expect(new Set(blobs).size).toBe(blobs.length)
})
