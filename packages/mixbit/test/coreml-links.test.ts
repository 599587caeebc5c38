import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCoremlPackage } from '@mixbit/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createNodeHost } from '../src/host/host.ts'

const folder = mkdtempSync(join(tmpdir(), 'mixbit-coreml-links-'))
const host = createNodeHost({ workers: 0 })

const MANIFEST = {
  fileFormatVersion: '1.0.0',
  itemInfoEntries: {
    root: { author: 'a', description: 'd', name: 'm', path: 'com.apple.CoreML/model.mlmodel' },
  },
  rootModelIdentifier: 'root',
}

beforeAll(() => writeFileSync(join(folder, 'secret'), 'not for packages'))

afterAll(async () => {
  await host.dispose()
  rmSync(folder, { recursive: true })
})

/** A package whose program is a link. */
function linked(name: string, target: string): string {
  const path = join(folder, name)
  mkdirSync(join(path, 'Data/com.apple.CoreML'), { recursive: true })
  writeFileSync(join(path, 'Manifest.json'), JSON.stringify(MANIFEST))
  symlinkSync(target, join(path, 'Data/com.apple.CoreML/model.mlmodel'))
  return path
}

test.for([
  ['outside.mlpackage', '../../../secret'],
  ['absolute.mlpackage', join(folder, 'secret')],
  ['nowhere.mlpackage', 'nothing'],
] as const)('a link that leaves the package is refused: %s', async ([name, target]) => {
  await expect(readCoremlPackage(host, linked(name, target))).rejects.toMatchObject({
    code: 'path-outside',
  })
})

test('a folder of data that is a link is refused', async () => {
  const path = join(folder, 'folder.mlpackage')
  mkdirSync(path)
  writeFileSync(join(path, 'Manifest.json'), JSON.stringify(MANIFEST))
  symlinkSync(folder, join(path, 'Data'))
  await expect(readCoremlPackage(host, path)).rejects.toMatchObject({ code: 'path-outside' })
})
