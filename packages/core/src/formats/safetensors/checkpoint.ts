import type { ByteSource } from '../../base/bytes.ts'
import { ensure, MixbitError } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'
import { isJsonObject, type JsonObject, readJsonObject } from '../../base/json-file.ts'
import type { Weight } from '../../tensor/weight.ts'
import { readSafetensors } from './read-safetensors.ts'

/** What reading a checkpoint folder needs of the world. */
export type FolderHost = Pick<Host, 'open' | 'exists' | 'within' | 'list'>

/** The tensors of a checkpoint folder, over all of its files. */
export type Checkpoint = {
  readonly weights: ReadonlyMap<string, Weight>
  /** File names in the folder, in order of name. */
  readonly files: readonly string[]
  /** Bytes of these files together. */
  readonly sizeInBytes: number
  /** Closes the files; weights cannot be read after that. */
  readonly close: () => Promise<void>
}

const INDEX_FILE = 'model.safetensors.index.json'
const SINGLE_FILE = 'model.safetensors'

/** Every shard is an open file, and systems allow about a thousand. */
const MAX_SHARDS = 500

/**
 * Opens the safetensors files of a Hugging Face folder: `model.safetensors.index.json` with its
 * shards, else `model.safetensors`, else the only file of that kind.
 */
export async function openCheckpoint(host: FolderHost, folder: string): Promise<Checkpoint> {
  const files = (await host.list(folder)) ?? []
  if (files.includes(INDEX_FILE)) return readShardedSafetensors(host, folder, INDEX_FILE)
  if (files.includes(SINGLE_FILE)) return openFiles(host, folder, [SINGLE_FILE])
  const found = files.filter((name) => name.endsWith('.safetensors'))
  ensure(found.length > 0, 'not-found', `"${folder}" holds no ${SINGLE_FILE}.`, { folder })
  ensure(
    found.length === 1,
    'ambiguous-variant',
    `"${folder}" holds ${found.length} safetensors files but no ${INDEX_FILE} that says how they ` +
      'belong together.',
    { folder, files: found.slice(0, 20) },
  )
  return openFiles(host, folder, found)
}

/**
 * Opens a checkpoint of several files. The index decides which tensors there are and where: a
 * tensor that it does not list is left out.
 */
async function readShardedSafetensors(
  host: FolderHost,
  folder: string,
  indexFile: string = INDEX_FILE,
): Promise<Checkpoint> {
  const shardOf = parseIndex(indexFile, await readJsonFile(host, folder, indexFile))
  const shards = [...new Set(shardOf.values())].sort()
  ensure(
    shards.length <= MAX_SHARDS,
    'limit-exceeded',
    `"${indexFile}" names ${shards.length} files; at most ${MAX_SHARDS} are opened.`,
    { file: indexFile, shards: shards.length, limit: MAX_SHARDS },
  )
  const checkpoint = await openFiles(host, folder, shards, shardOf)
  for (const [tensor, shard] of shardOf) {
    if (checkpoint.weights.has(tensor)) continue
    await checkpoint.close()
    throw new MixbitError(
      'missing-tensor',
      `"${indexFile}" says that tensor "${tensor}" is in "${shard}", but it is not there.`,
      { tensor, file: shard },
    )
  }
  return checkpoint
}

/** Reads a JSON file of a model folder that must hold one object. */
export async function readJsonFile(
  host: FolderHost,
  folder: string,
  name: string,
): Promise<JsonObject> {
  return readJsonObject(host, await existing(host, folder, name))
}

/** Tensor name to shard, in order of tensor name. */
function parseIndex(file: string, index: JsonObject): ReadonlyMap<string, string> {
  const map = index['weight_map']
  ensure(isJsonObject(map), 'malformed', `"${file}" has no object "weight_map".`, { file })
  const shardOf = new Map<string, string>()
  for (const tensor of Object.keys(map).sort()) {
    const shard = map[tensor]
    ensure(
      typeof shard === 'string' && shard !== '',
      'malformed',
      `"${file}" names no file for tensor "${tensor}".`,
      { file, tensor },
    )
    shardOf.set(tensor, shard)
  }
  return shardOf
}

async function openFiles(
  host: FolderHost,
  folder: string,
  files: readonly string[],
  shardOf?: ReadonlyMap<string, string>,
): Promise<Checkpoint> {
  const sources: ByteSource[] = []
  const close = async (): Promise<void> => {
    await Promise.all(sources.map((source) => source.close()))
  }
  const weights = new Map<string, Weight>()
  try {
    for (const file of files) {
      const source = await host.open(await existing(host, folder, file))
      sources.push(source)
      for (const [name, weight] of await readSafetensors(source)) {
        if (!shardOf || shardOf.get(name) === file) weights.set(name, weight)
      }
    }
  } catch (error) {
    await close()
    throw error
  }
  const sizeInBytes = sources.reduce((sum, source) => sum + source.sizeInBytes, 0)
  return { weights, files, sizeInBytes, close }
}

async function existing(host: FolderHost, folder: string, name: string): Promise<string> {
  const path = host.within(folder, name)
  ensure(await host.exists(path), 'not-found', `"${path}" does not exist.`, { file: path })
  return path
}
