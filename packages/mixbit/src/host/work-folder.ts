import { lstat, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { MixbitError } from '@mixbit/core'
import { systemCode, writing } from './file-error.ts'
import { makeFolder } from './make-folder.ts'

/** Marks a folder as Mixbit's work folder and says which process writes there. */
const MARKER = '.mixbit-work.json'

/** Work folders of this process, to tell them from what an older process with our id left. */
const claimed = new Set<string>()

/**
 * Makes the folder `work`, empty but for its marker. What a crashed run left there is removed;
 * a folder of somebody else, or of a run that still goes on, is refused (`output-exists`).
 */
export async function claimWorkFolder(work: string): Promise<void> {
  await writing(work, async () => {
    if (!(await isFree(work))) await removeLeftover(work)
    await makeFolder(work)
    const owner = JSON.stringify({ pid: process.pid, host: hostname() })
    await writeFile(join(work, MARKER), owner, { flag: 'wx' })
  })
  claimed.add(work)
}

async function isFree(work: string): Promise<boolean> {
  const facts = await lstat(work).catch(() => undefined)
  if (facts === undefined) return true
  return facts.isDirectory() && (await readdir(work)).length === 0
}

async function removeLeftover(work: string): Promise<void> {
  const owner = await readFile(join(work, MARKER), 'utf8').catch((error: unknown) => {
    if (systemCode(error) === undefined) throw error
    throw taken(work, 'is not a work folder of Mixbit. Move it away, or choose another output.')
  })
  if (isRunning(work, owner)) {
    throw taken(work, 'belongs to a run that still goes on. Wait for it, or choose another output.')
  }
  await rm(work, { recursive: true, force: true, maxRetries: 3 })
}

/** A process of another machine cannot be asked, so its work is taken for left over. */
function isRunning(work: string, owner: string): boolean {
  const pid = /"pid":(\d+)/.exec(owner)?.[1]
  if (pid === undefined || !owner.includes(JSON.stringify(hostname()))) return false
  if (Number(pid) === process.pid) return claimed.has(work)
  try {
    process.kill(Number(pid), 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

function taken(work: string, reason: string): MixbitError {
  return new MixbitError('output-exists', `The folder "${work}" ${reason}`, { output: work })
}
