import {
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFile } from '../src/host/create-file.ts'
import {
  directoryBytes,
  exists,
  listFolder,
  listFolders,
  openFile,
  sha256,
} from '../src/host/files.ts'
import { within } from '../src/host/within.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mixbit-files-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function folderOf(name: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(path, { recursive: true })
  return path
}

test('a file is read at any position, and into memory of its own', async () => {
  const path = join(folder, 'bytes.bin')
  await writeFile(
    path,
    Uint8Array.from({ length: 100 }, (_, i) => i),
  )
  const source = await openFile(path)
  expect(source.sizeInBytes).toBe(100)
  const bytes = await source.read(90, 10)
  expect([...bytes]).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99])
  expect(bytes.buffer.byteLength).toBe(10)
  expect(await source.read(100, 0)).toHaveLength(0)
  await source.close()
  await source.close()
})

test.for([
  { name: 'past the end', offset: 95, length: 6 },
  { name: 'far past the end, without taking the memory', offset: 0, length: 2 ** 50 },
  { name: 'before the start', offset: -1, length: 1 },
  { name: 'a negative length', offset: 5, length: -1 },
  { name: 'half a byte', offset: 0.5, length: 1 },
  { name: 'not a number', offset: Number.NaN, length: 1 },
])('reading $name is truncated', async ({ offset, length }) => {
  const path = join(folder, 'hundred.bin')
  await writeFile(path, new Uint8Array(100))
  const source = await openFile(path)
  await expect(source.read(offset, length)).rejects.toMatchObject({ code: 'truncated' })
  await source.close()
})

test('a file that shrinks while it is open is truncated', async () => {
  const path = join(folder, 'shrinks.bin')
  await writeFile(path, new Uint8Array(100))
  const source = await openFile(path)
  await truncate(path, 40)
  await expect(source.read(30, 20)).rejects.toMatchObject({
    code: 'truncated',
    facts: { size: 40 },
  })
  await source.close()
})

test('bytes beyond 4 GiB are read where they are', async () => {
  const path = join(folder, 'sparse.bin')
  await writeFile(path, new Uint8Array(0))
  await truncate(path, 5 * 2 ** 30)
  const source = await openFile(path)
  expect(source.sizeInBytes).toBe(5 * 2 ** 30)
  expect(await source.read(5 * 2 ** 30 - 4, 4)).toEqual(new Uint8Array(4))
  await source.close()
  await rm(path)
})

test.for([
  { name: 'a missing file', path: 'nothing.bin', code: 'not-found' },
  { name: 'a file below a file', path: 'plain/x.bin', code: 'not-found' },
  { name: 'a folder', path: '.', code: 'not-readable' },
  { name: 'a name with NUL', path: 'a\0b', code: 'not-readable' },
])('opening $name gives $code', async ({ path, code }) => {
  await writeFile(join(folder, 'plain'), 'x')
  await expect(openFile(join(folder, path))).rejects.toMatchObject({ code })
})

test('a device is refused instead of read for ever', async () => {
  await expect(openFile('/dev/zero')).rejects.toMatchObject({ code: 'not-readable' })
})

test('a file has its name only when it is whole', async () => {
  const path = join(await folderOf('sink'), 'deep', 'model.bin')
  const sink = await createFile(path)
  await sink.write(new Uint8Array([1, 2]))
  await sink.write(new Uint8Array(3_000_000).fill(7))
  await sink.write(new Uint8Array([3]))
  expect(await exists(path)).toBe(false)
  await sink.close()
  const written = await readFile(path)
  expect(written.length).toBe(3_000_003)
  expect([written[0], written[1], written[2], written[3_000_001], written[3_000_002]]).toEqual([
    1, 2, 7, 7, 3,
  ])
  expect(await readdir(join(path, '..'))).toEqual(['model.bin'])
})

test('a small write is taken at once: its bytes may change afterwards', async () => {
  const path = join(await folderOf('taken'), 'x')
  const sink = await createFile(path)
  const bytes = new Uint8Array([1])
  await sink.write(bytes)
  bytes[0] = 2
  await sink.close()
  expect([...(await readFile(path))]).toEqual([1])
})

test('a discarded file leaves nothing, and an older one stays', async () => {
  const path = join(await folderOf('discard'), 'x')
  await writeFile(path, 'old')
  const sink = await createFile(path)
  await sink.write(new Uint8Array(2_000_000))
  await sink.discard()
  expect(await readFile(path, 'utf8')).toBe('old')
  expect(await readdir(join(path, '..'))).toEqual(['x'])
  await expect(sink.write(new Uint8Array(1))).rejects.toThrow(TypeError)
})

test('a file that cannot get its name is not-writable and leaves nothing', async () => {
  const parent = await folderOf('taken-name')
  await mkdir(join(parent, 'model.onnx'))
  await writeFile(join(parent, 'model.onnx', 'mine'), 'x')
  const sink = await createFile(join(parent, 'model.onnx'))
  await sink.write(new Uint8Array(10))
  await expect(sink.close()).rejects.toMatchObject({ code: 'not-writable' })
  expect(await readdir(parent)).toEqual(['model.onnx'])
})

test('a name that the file system refuses is not-writable', async () => {
  const path = join(await folderOf('long'), 'x'.repeat(300))
  await expect(createFile(path)).rejects.toMatchObject({ code: 'not-writable' })
})

test('a folder lists its files in code unit order, without folders', async () => {
  const parent = await folderOf('list')
  await mkdir(join(parent, 'sub'))
  for (const name of ['b', 'a', 'B', 'ä']) await writeFile(join(parent, name), '')
  await symlink(join(parent, 'a'), join(parent, 'link'))
  await symlink(join(parent, 'gone'), join(parent, 'dangling'))
  expect(await listFolder(parent)).toEqual(['B', 'a', 'b', 'link', 'ä'])
  expect(await listFolder(join(parent, 'a'))).toBeUndefined()
  expect(await listFolder(join(parent, 'gone'))).toBeUndefined()
})

test('listFolders gives the folders in the same order on every machine, links to folders included', async () => {
  const parent = await folderOf('folders')
  for (const name of ['b', 'a', 'B', 'ä']) await mkdir(join(parent, name))
  await writeFile(join(parent, 'file'), '')
  await symlink(join(parent, 'a'), join(parent, 'link'))
  await symlink(join(parent, 'gone'), join(parent, 'dangling'))
  expect(await listFolders(parent)).toEqual(['B', 'a', 'b', 'link', 'ä'])
  expect(await listFolders(join(parent, 'a'))).toEqual([])
  expect(await listFolders(join(parent, 'file'))).toBeUndefined()
})

test('the bytes of a folder are those of all files below it', async () => {
  const parent = await folderOf('bytes')
  await mkdir(join(parent, 'sub'))
  await writeFile(join(parent, 'a'), 'abc')
  await writeFile(join(parent, 'sub', 'b'), 'abcd')
  await symlink(join(parent, 'a'), join(parent, 'link'))
  expect(await directoryBytes(parent)).toBe(7)
})

// FIPS 180-2, appendix B.1.
test('sha256 is that of the standard, however the bytes are cut', () => {
  const hash = sha256()
  hash.update(new Uint8Array([0x61]))
  hash.update(new Uint8Array([0x62, 0x63]))
  expect(hash.hex()).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

test.for(['a.jpg', 'val/a.jpg', './a.jpg', '..a/b..c/...'])('%s stays in its folder', (path) => {
  expect(within(folder, path)).toBe(join(folder, path))
})

test.for([
  './val/../a.jpg',
  '../a.jpg',
  '..',
  '..\\a.jpg',
  '/etc/passwd',
  'C:\\a.jpg',
  'C:a.jpg',
  '\\\\server\\share',
  'a\0.jpg',
])('%s leaves its folder', (path) => {
  expect(() => within(folder, path)).toThrow('leaves its folder')
})

test('a symbolic link may stay in the folder but not leave it, nor dangle', async () => {
  const root = await folderOf('links/root')
  const other = await folderOf('links/other')
  await writeFile(join(root, 'real'), '')
  await writeFile(join(other, 'secret'), '')
  await symlink(join(root, 'real'), join(root, 'inner'))
  await symlink(join(other, 'secret'), join(root, 'outer'))
  await symlink(other, join(root, 'folder'))
  await symlink(join(other, 'not-yet'), join(root, 'dangling'))
  await symlink('loop', join(root, 'loop'))
  expect(within(root, 'inner')).toBe(join(root, 'inner'))
  for (const path of ['outer', 'folder/secret', 'folder/new', 'dangling', 'loop']) {
    expect(() => within(root, path)).toThrow('leaves its folder')
  }
})

test('the folder itself may be reached through a link, and need not exist yet', async () => {
  const real = await folderOf('through/real')
  await symlink(real, join(folder, 'through', 'link'))
  const link = join(folder, 'through', 'link')
  expect(within(link, 'a')).toBe(join(link, 'a'))
  expect(within(join(folder, 'not', 'yet'), 'a/b')).toBe(join(folder, 'not', 'yet', 'a', 'b'))
  // Also one that is named from where the program runs.
  expect(within('not-there', 'a/b')).toBe(join('not-there', 'a', 'b'))
})

test('links of a Hugging Face cache into its blobs are allowed, others not', async () => {
  const cache = await folderOf('hub/models--org--name')
  await mkdir(join(cache, 'blobs'))
  await mkdir(join(cache, 'snapshots', 'abc', 'onnx'), { recursive: true })
  await writeFile(join(cache, 'blobs', 'sha'), '')
  await writeFile(join(cache, 'secret'), '')
  const snapshot = join(cache, 'snapshots', 'abc')
  await symlink('../../blobs/sha', join(snapshot, 'model.safetensors'))
  await symlink('../../../blobs/sha', join(snapshot, 'onnx', 'model.onnx'))
  await symlink('../../secret', join(snapshot, 'config.json'))
  expect(within(snapshot, 'model.safetensors')).toBe(join(snapshot, 'model.safetensors'))
  expect(within(join(snapshot, 'onnx'), 'model.onnx')).toBe(join(snapshot, 'onnx', 'model.onnx'))
  expect(() => within(snapshot, 'config.json')).toThrow('leaves its folder')
})
