import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { homedir, hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { prepareOutput } from '../src/host/output.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mixbit-output-'))
})
afterEach(() => rm(folder, { recursive: true }))

const careful = { force: false }

async function fill(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const path = join(folder, name)
  await mkdir(path, { recursive: true })
  for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text)
  return path
}

test('the result appears on commit, whole, and nothing else stays', async () => {
  const path = join(folder, 'new', 'out')
  const output = await prepareOutput(path, careful)
  await writeFile(join(output.folder, 'mixbit.json'), '{}')
  await writeFile(join(output.scratch, 'float.onnx'), 'work')
  expect(await readdir(join(folder, 'new'))).toEqual(['out.work'])
  await output.commit()
  expect(await readdir(join(folder, 'new'))).toEqual(['out'])
  expect(await readdir(path)).toEqual(['mixbit.json'])
  await output.dispose()
  expect(await readdir(path)).toEqual(['mixbit.json'])
})

test('a run that is given up leaves everything as it was', async () => {
  const path = await fill('out', { 'mixbit.json': 'old' })
  const output = await prepareOutput(path, careful)
  await writeFile(join(output.folder, 'mixbit.json'), 'new')
  await output.dispose()
  await output.dispose()
  expect(await readdir(folder)).toEqual(['out'])
  expect(await readFile(join(path, 'mixbit.json'), 'utf8')).toBe('old')
})

test.for([
  { name: 'an empty folder', files: {}, force: false },
  { name: 'a folder of ours', files: { 'mixbit.json': 'old', 'stale.onnx': 'x' }, force: false },
  { name: 'a folder of somebody else, with force', files: { thesis: 'x' }, force: true },
])('$name is replaced as a whole, on commit only', async ({ files, force }) => {
  const path = await fill('out', files)
  const output = await prepareOutput(path, { force })
  await writeFile(join(output.folder, 'mixbit.json'), 'new')
  expect((await readdir(path)).sort()).toEqual(Object.keys(files).sort())
  await output.commit()
  expect(await readdir(folder)).toEqual(['out'])
  expect(await readdir(path)).toEqual(['mixbit.json'])
})

test('a folder of somebody else is refused and untouched', async () => {
  const path = await fill('out', { thesis: 'x' })
  await expect(prepareOutput(path, careful)).rejects.toMatchObject({ code: 'output-exists' })
  expect(await readdir(folder)).toEqual(['out'])
  expect(await readdir(path)).toEqual(['thesis'])
})

test('what somebody puts there while the run goes on is not replaced', async () => {
  const path = join(folder, 'out')
  const output = await prepareOutput(path, careful)
  await fill('out', { thesis: 'x' })
  await expect(output.commit()).rejects.toMatchObject({ code: 'output-exists' })
  await output.dispose()
  expect(await readdir(path)).toEqual(['thesis'])
})

test('a file at the path is refused, even with force', async () => {
  const path = join(folder, 'out')
  await writeFile(path, 'x')
  await expect(prepareOutput(path, { force: true })).rejects.toMatchObject({
    code: 'output-exists',
  })
})

test.for([
  { name: 'the model itself', out: 'model', code: 'usage' },
  { name: 'inside the model', out: 'model/out', code: 'usage' },
  { name: 'around the model', out: '.', code: 'usage' },
  { name: 'around the data', out: 'data', code: 'usage' },
  { name: 'inside the model through a link', out: 'link/out', code: 'usage' },
  { name: 'below a file', out: 'data/val/val.json/out', code: 'not-writable' },
])('an output $name is refused with $code, even with force', async ({ out, code }) => {
  const model = await fill('model', { 'config.json': '{}', 'mixbit.json': '{}' })
  const data = await fill('data/val', { 'val.json': '{}' })
  await symlink(model, join(folder, 'link'))
  const options = { force: true, model, inputs: [join(data, 'val.json')] }
  await expect(prepareOutput(join(folder, out), options)).rejects.toMatchObject({ code })
  expect((await readdir(folder)).sort()).toEqual(['data', 'link', 'model'])
})

test.for([{ path: process.cwd() }, { path: homedir() }, { path: join(process.cwd(), '..') }])(
  'an output around the folder where one works is refused: $path',
  async ({ path }) => {
    await expect(prepareOutput(path, { force: true })).rejects.toMatchObject({ code: 'usage' })
  },
)

test('a folder beside the model, whose name starts alike, is allowed', async () => {
  const model = await fill('model', { 'config.json': '{}' })
  const output = await prepareOutput(`${model}-int4`, { force: false, model })
  await output.commit()
  expect((await readdir(folder)).sort()).toEqual(['model', 'model-int4'])
})

test('an output through a link is replaced where the link leads, and the link stays', async () => {
  const real = await fill('disk/out', { 'mixbit.json': 'old' })
  await symlink(real, join(folder, 'out'))
  const output = await prepareOutput(join(folder, 'out'), careful)
  await writeFile(join(output.folder, 'mixbit.json'), 'new')
  await output.commit()
  expect(await readFile(join(folder, 'out', 'mixbit.json'), 'utf8')).toBe('new')
  expect(await readdir(join(folder, 'disk'))).toEqual(['out'])
})

test('work that a crashed run left is replaced', async () => {
  // The process ids of Linux and macOS end below this number.
  const owner = JSON.stringify({ pid: 2 ** 30, host: hostname() })
  await fill('out.work', { '.mixbit-work.json': owner, half: 'x' })
  const output = await prepareOutput(join(folder, 'out'), careful)
  expect(await readdir(join(folder, 'out.work'))).not.toContain('half')
  await output.dispose()
})

test.for([{ owner: 'this process' }, { owner: 'another process' }])(
  'work of a run of $owner that still goes on is refused',
  async ({ owner }) => {
    if (owner === 'another process') {
      const marker = JSON.stringify({ pid: process.ppid, host: hostname() })
      await fill('out.work', { '.mixbit-work.json': marker })
    } else {
      await prepareOutput(join(folder, 'out'), careful)
    }
    await expect(prepareOutput(join(folder, 'out'), careful)).rejects.toMatchObject({
      code: 'output-exists',
    })
    expect(await readdir(folder)).toEqual(['out.work'])
  },
)

test('a work folder that is not ours is refused and untouched, even with force', async () => {
  await fill('out.work', { thesis: 'x' })
  await expect(prepareOutput(join(folder, 'out'), { force: true })).rejects.toMatchObject({
    code: 'output-exists',
  })
  expect(await readdir(join(folder, 'out.work'))).toEqual(['thesis'])
})

test('after a run was given up the same output can be made again', async () => {
  const path = join(folder, 'out')
  await (await prepareOutput(path, careful)).dispose()
  const output = await prepareOutput(path, careful)
  await output.commit()
  expect(await readdir(folder)).toEqual(['out'])
})
