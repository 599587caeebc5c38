import { mkdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { MixbitError } from '@mixbit/core'
import { exists } from './files.ts'
import { writing } from './file-error.ts'
import { checkReplaceable } from './replaceable.ts'
import { isInside, realPath } from './within.ts'
import { claimWorkFolder } from './work-folder.ts'

export type OutputOptions = {
  /** Replace a folder that Mixbit did not write. */
  readonly force: boolean
  /** The model that is read: the output may be neither in it nor around it. */
  readonly model?: string
  /** Other files and folders that are read: the output may not be around them. */
  readonly inputs?: readonly string[]
}

/** An output folder that is being made. */
export type Output = {
  /** Where the result will appear. */
  readonly path: string
  /** Where the result is written until then. */
  readonly folder: string
  /** For work files that are not part of the result. */
  readonly scratch: string
  /** Puts the result in its place, then removes an older one and the work files. */
  readonly commit: () => Promise<void>
  /** Removes the work files; after `commit` nothing is left to do. */
  readonly dispose: () => Promise<void>
}

/**
 * Claims `<path>.work/` and checks that the result may later take the place `path`.
 *
 * What is at `path` stays untouched until `commit`, which moves it aside, moves the result in,
 * and only then removes the old one. So at every moment a whole result is on disk.
 */
export async function prepareOutput(path: string, options: OutputOptions): Promise<Output> {
  const place = resolvePlace(path)
  checkPlace(path, place, options)
  await checkReplaceable(place, options.force)
  const work = `${place}.work`
  await claimWorkFolder(work)
  const folder = join(work, basename(place))
  const scratch = join(work, '.scratch')
  await writing(work, async () => {
    await mkdir(folder)
    await mkdir(scratch)
  })
  const dispose = (): Promise<void> =>
    writing(work, () => rm(work, { recursive: true, force: true, maxRetries: 3 }))
  const commit = async (): Promise<void> => {
    await checkReplaceable(place, options.force)
    await writing(place, () => replace(place, folder))
    await dispose()
  }
  return { path: place, folder, scratch, commit, dispose }
}

/** The folder that a link leads to, so that the work folder is on the same disk. */
function resolvePlace(path: string): string {
  const place = realPath(resolve(path))
  if (place !== undefined && dirname(place) !== place) return place
  throw new MixbitError('not-writable', `The output "${path}" cannot be made there.`, {
    output: path,
  })
}

/** The output is removed and replaced as a whole, so nothing else that matters may be in it. */
function checkPlace(path: string, place: string, options: OutputOptions): void {
  const { model, inputs = [] } = options
  if (model !== undefined) {
    if (following(model) === place) throw overlap(path, 'is the model itself', model)
    if (isInside(following(model), place)) throw insideModel(path, model)
  }
  for (const input of model === undefined ? inputs : [model, ...inputs]) {
    if (isInside(place, following(input))) throw overlap(path, `contains "${input}"`, input)
  }
  for (const home of [process.cwd(), homedir()]) {
    if (isInside(place, following(home))) throw overlap(path, `contains "${home}"`, home)
  }
}

/** Refuses (`usage`) a file that would be written into the folder of a model. */
export function refuseInside(path: string, model: string): void {
  const place = realPath(resolve(path))
  if (place !== undefined && isInside(following(model), place)) throw insideModel(path, model)
}

function insideModel(path: string, model: string): MixbitError {
  return new MixbitError(
    'usage',
    `The output "${path}" lies inside the model "${model}", which is only read; choose another place.`,
    { output: path, input: model },
  )
}

function following(path: string): string {
  return realPath(resolve(path)) ?? resolve(path)
}

function overlap(output: string, reason: string, input: string): MixbitError {
  return new MixbitError(
    'usage',
    `The output "${output}" ${reason}. The output folder is replaced as a whole; choose another.`,
    { output, input },
  )
}

async function replace(place: string, result: string): Promise<void> {
  if (!(await exists(place))) return await rename(result, place)
  const old = await freeName(`${place}.replaced`)
  await rename(place, old)
  try {
    await rename(result, place)
  } catch (error) {
    await rename(old, place)
    throw error
  }
  await writing(old, () => rm(old, { recursive: true, force: true, maxRetries: 3 }))
}

/** Never the name of something that is there: it may be somebody's only copy. */
async function freeName(wanted: string): Promise<string> {
  let name = wanted
  for (let n = 2; await exists(name); n++) name = `${wanted}-${n}`
  return name
}
