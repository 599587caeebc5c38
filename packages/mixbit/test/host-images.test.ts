import { createHash } from 'node:crypto'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import type { Sharp } from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decodeImage } from '../src/host/images.ts'

const data = fileURLToPath(new URL('../../../fixtures/pocket-vqa/', import.meta.url))

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mixbit-images-'))
})
afterAll(() => rm(folder, { recursive: true }))

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function save(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

function raw(channels: 1 | 2 | 3 | 4, ...pixels: readonly number[]): Sharp {
  const width = pixels.length / channels
  return sharp(Uint8Array.from(pixels), { raw: { width, height: 1, channels } })
}

// Hashes: sha256(Image.open(path).convert('RGB').tobytes()) of Pillow 13.0.0, libjpeg-turbo 3.2.0.
test.for([
  {
    name: 'val/000001.jpg',
    sha256: '107b2cd4a37e0535acb9649909430026254c8a74e84468cfc88de94ab630f498',
  },
  {
    name: 'calibration/000007.jpg',
    sha256: '5ce2507d9d9ee8ef6519ff1e710d531ec624995bfe6118093d1822ec16097681',
  },
])('$name has the pixels that Pillow gives', async ({ name, sha256 }) => {
  const picture = await decodeImage(join(data, name))
  expect([picture.width, picture.height]).toEqual([192, 192])
  expect(hash(picture.rgb)).toBe(sha256)
})

// Both pictures are 16 x 16, written by Pillow 13.0.0; hashes as above.
test.for([
  {
    name: 'a JPEG with halved colour (4:2:0)',
    file: '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAAQABADASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAABgQF/8QAGhAAAAcAAAAAAAAAAAAAAAAAAAQFERIi4f/EABQBAQAAAAAAAAAAAAAAAAAAAAD/xAAfEQABAgYDAAAAAAAAAAAAAAARBaEAAwQSFCFBsdH/2gAMAwEAAhEDEQA/ACZVOg1cCAqnQauDXKp0GrguKp0GrgT67B5Jb0t0SlG4bj//2Q==',
    sha256: '1ebd83ca4747ad0879ef1d055faab3d8baaeef51bc1a3a51694b35642c6b8cc4',
  },
  {
    name: 'a CMYK JPEG',
    file: '/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwANCQoLCggNCwoLDg4NDxMgFRMSEhMnHB4XIC4pMTAuKS0sMzpKPjM2RjcsLUBXQUZMTlJTUjI+WmFaUGBKUVJP/8AAFAgAEAAQBEMRAE0RAFkRAEsRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAcABv/EACAQAAADCQEAAAAAAAAAAAAAAAARYgYSExQVNUKBsWH/2gAOBEMATQBZAEsAAD8A1jQZDWV1Y1l3S7uKfCLfd7P+gwaDIVdWDC7pd3FPhFvtP+hPaDIGFdWK7pd3FPhFvuYn/QYNBkKurCfd0u7inwi32n/R/9k=',
    sha256: '05ac1312642390891ba262d96079a6f631c4eba72a05eddf79bfa57fb1aaff16',
  },
])('$name has the pixels that Pillow gives', async ({ name, file, sha256 }) => {
  const path = await save(`${name.length}.jpg`, Buffer.from(file, 'base64'))
  expect(hash((await decodeImage(path)).rgb)).toBe(sha256)
})

test.for([
  { name: 'grey is repeated', image: raw(1, 0, 7, 255), rgb: [0, 0, 0, 7, 7, 7, 255, 255, 255] },
  { name: 'alpha is dropped', image: raw(4, 9, 8, 7, 0, 6, 5, 4, 128), rgb: [9, 8, 7, 6, 5, 4] },
  { name: 'grey alpha is dropped', image: raw(2, 9, 0, 6, 50), rgb: [9, 9, 9, 6, 6, 6] },
  {
    name: '16 bits are cut to 8',
    image: raw(3, 1, 2, 255).toColourspace('rgb16'),
    rgb: [1, 2, 255],
  },
  {
    name: '16-bit grey is cut to 8',
    image: raw(1, 1, 255).toColourspace('grey16'),
    rgb: [1, 1, 1, 255, 255, 255],
  },
  // The writer turns red of sRGB into Display P3; Pillow reads these numbers from the file.
  {
    name: 'a profile is ignored',
    image: raw(3, 255, 0, 0).withIccProfile('p3'),
    rgb: [234, 51, 34],
  },
])('$name', async ({ name, image, rgb }) => {
  const path = await save(`${name}.png`, await image.png().toBuffer())
  expect([...(await decodeImage(path)).rgb]).toEqual(rgb)
})

test('the EXIF orientation is not applied, as with Pillow', async () => {
  const image = raw(3, 1, 2, 3, 4, 5, 6).withMetadata({ orientation: 6 })
  const path = await save('turned.png', await image.png().toBuffer())
  const picture = await decodeImage(path)
  expect(picture).toMatchObject({ width: 2, height: 1 })
  expect([...picture.rgb]).toEqual([1, 2, 3, 4, 5, 6])
})

test('a picture written again under the same name is read again', async () => {
  const path = await save('again.png', await raw(3, 1, 1, 1).png().toBuffer())
  await decodeImage(path)
  await save('again.png', await raw(3, 2, 2, 2).png().toBuffer())
  expect([...(await decodeImage(path)).rgb]).toEqual([2, 2, 2])
})

test('pixels lie in memory of their own, so that they can move to another thread', async () => {
  const path = join(folder, 'own.jpg')
  await copyFile(join(data, 'val', '000001.jpg'), path)
  const { rgb } = await decodeImage(path)
  expect(rgb.buffer.byteLength).toBe(192 * 192 * 3)
  structuredClone(rgb, { transfer: [rgb.buffer] })
  expect(rgb.byteLength).toBe(0)
})

test('a JPEG cut anywhere is refused', async () => {
  const whole = await readFile(join(data, 'val', '000001.jpg'))
  for (let part = 0; part < 1; part += 0.1) {
    const path = await save('cut.jpg', whole.subarray(0, Math.floor(whole.length * part)))
    await expect(decodeImage(path), `${part}`).rejects.toMatchObject({ code: 'invalid-image' })
  }
})

test.for([
  { name: 'text', bytes: 'not a picture' },
  { name: 'a drawing', bytes: '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>' },
])('$name is not a picture', async ({ name, bytes }) => {
  const path = await save(`${name}.jpg`, Buffer.from(bytes))
  await expect(decodeImage(path)).rejects.toMatchObject({
    code: 'invalid-image',
    facts: { image: path },
  })
})

test('a small file that claims a huge picture is refused before it is decoded', async () => {
  const png = await raw(3, 1, 2, 3).png().toBuffer()
  // Width and height of the header chunk, whose checksum is then that of the new numbers.
  png.writeUInt32BE(50_000, 16)
  png.writeUInt32BE(50_000, 20)
  const path = await save('huge.png', withHeaderChecksum(png))
  await expect(decodeImage(path)).rejects.toThrow(/pixel limit/)
})

function withHeaderChecksum(png: Buffer): Buffer {
  let crc = 0xffffffff
  for (const byte of png.subarray(12, 29)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  png.writeUInt32BE(~crc >>> 0, 29)
  return png
}

test('a missing picture and a folder are told apart', async () => {
  await expect(decodeImage(join(folder, 'none.jpg'))).rejects.toMatchObject({
    code: 'missing-image',
  })
  await expect(decodeImage(folder)).rejects.toMatchObject({ code: 'invalid-image' })
})
