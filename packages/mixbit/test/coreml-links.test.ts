import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  auditCoremlPackage,
  mergeConfig,
  planCoremlPackage,
  quantizeCoremlPackage,
  readCoremlPackage,
  verifyCoremlPackage,
} from '@mixbit/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  MODEL_PATH,
  PACKAGE,
  WEIGHTS_PATH,
  testBuilder,
  testFiles,
  testModel,
} from '../../core/test/helpers/coreml.ts'
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

/** A sound package whose weight file is a link to another file in it, with what else may lie there. */
async function soundWithLinks(name: string): Promise<string> {
  const path = join(folder, name)
  const { body, blobs, weight, op } = testBuilder()
  const half = (...shape: readonly number[]) => ({ dtype: 'float16', shape }) as const
  weight('stem_w', [64, 48])
  op('linear', { x: 'x', weight: 'stem_w' }, 'y', half(1, 64))
  body.outputs.push('y')
  const model = testModel({ main: { body, inputs: { x: half(1, 48) } } }, 7)
  for (const [file, bytes] of await testFiles(model, blobs)) {
    const to = file.replace(PACKAGE, path)
    mkdirSync(dirname(to), { recursive: true })
    writeFileSync(to, bytes)
  }
  renameSync(join(path, WEIGHTS_PATH), join(path, 'Data/real.bin'))
  symlinkSync('../../real.bin', join(path, WEIGHTS_PATH))
  writeFileSync(join(path, 'Data/notes.txt'), 'kept')
  symlinkSync('notes.txt', join(path, 'Data/a-link.txt'))
  symlinkSync('..', join(path, 'Data/loop'))
  mkdirSync(join(path, 'Data/empty/inner'), { recursive: true })
  return path
}

test('what links lead to is written once, as plain files, and empty folders stay', async () => {
  const path = await soundWithLinks('inside.mlpackage')
  const model = await readCoremlPackage(host, path)
  const own = [MODEL_PATH, 'Manifest.json', 'Data/real.bin', 'Data/notes.txt']
  const sizes = own.map((file) => lstatSync(join(path, file)).size)
  expect(model.bytes).toBe(sizes.reduce((a, b) => a + b, 0))
  const audit = await auditCoremlPackage(host, model)
  for (const precision of ['int8', 'fp16']) {
    const out = join(folder, `${precision}.mlpackage`)
    const plan = planCoremlPackage(model, audit, mergeConfig({ precision }, {}))
    mkdirSync(out)
    const written = await quantizeCoremlPackage(host, { model, audit, plan, folder: out })
    const found = readdirSync(out, { recursive: true, withFileTypes: true })
    const files = found.filter((entry) => !entry.isDirectory())
    expect(files.every((entry) => entry.isFile())).toBe(true)
    expect(files.map(({ name }) => name).toSorted()).toEqual([
      'Manifest.json',
      'model.mlmodel',
      'notes.txt',
      'weight.bin',
    ])
    expect(readFileSync(join(out, 'Data/notes.txt'), 'utf8')).toBe('kept')
    expect(readdirSync(join(out, 'Data/empty'))).toEqual(['inner'])
    expect(written.bytes).toBe(
      files.reduce((sum, { parentPath, name }) => sum + lstatSync(join(parentPath, name)).size, 0),
    )
    expect((await verifyCoremlPackage(host, out)).passed).toBe(true)
  }
  await model.close()
})
