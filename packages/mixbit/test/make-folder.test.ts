import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { makeFolder } from '../src/host/make-folder.ts'

const folder = mkdtempSync(join(tmpdir(), 'mixbit-folder-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a folder is made with those above it, also by two at once, and kept if it is there', async () => {
  const path = join(folder, 'a', 'b', 'c')
  await Promise.all([makeFolder(path), makeFolder(path)])
  await makeFolder(path)
  expect(statSync(path).isDirectory()).toBe(true)
})

test('a file in the way is an error', async () => {
  writeFileSync(join(folder, 'file'), '')
  await expect(makeFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(makeFolder(join(folder, 'file', 'x'))).rejects.toMatchObject({ code: 'ENOTDIR' })
})

test.skipIf(!existsSync('/proc/self'))('where nothing can be made there is an end', async () => {
  await expect(makeFolder('/proc/mixbit/x')).rejects.toMatchObject({
    code: 'not-writable',
    message: 'Cannot make anything in the folder "/proc". Choose another place.',
  })
})
