// Writes tensors as safetensors: https://github.com/huggingface/safetensors#format
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { elementCount } from './shapes.mjs'
import { tensorBytes } from './values.mjs'

/** Writes `model.safetensors`, or shards of at most `shardBytes` and their index. */
export function writeCheckpoint({ folder, tensors, dtype, seed, shardBytes = Infinity }) {
  const shards = splitIntoShards(tensors, dtype, shardBytes)
  const files = shards.map((_, i) => shardName(i, shards.length))
  for (const [i, shard] of shards.entries()) {
    writeSafetensors(join(folder, files[i]), shard, dtype, seed)
  }
  if (shards.length === 1) return files
  const bytes = tensors.reduce((sum, tensor) => sum + sizeInBytes(tensor, dtype), 0)
  const rows = shards.flatMap((shard, i) => shard.map(({ name }) => [name, files[i]]))
  const index = { metadata: { total_size: bytes }, weight_map: Object.fromEntries(rows) }
  const path = join(folder, 'model.safetensors.index.json')
  writeFileSync(path, `${JSON.stringify(index, null, 2)}\n`)
  return files
}

export function sizeInBytes({ shape, kind }, dtype) {
  return elementCount(shape) * (kind === 'counter' ? 8 : dtype === 'F16' ? 2 : 4)
}

function shardName(i, count) {
  const number = (n) => String(n).padStart(5, '0')
  return count === 1
    ? 'model.safetensors'
    : `model-${number(i + 1)}-of-${number(count)}.safetensors`
}

function splitIntoShards(tensors, dtype, shardBytes) {
  const shards = [[]]
  let size = 0
  for (const tensor of tensors) {
    const bytes = sizeInBytes(tensor, dtype)
    if (size + bytes > shardBytes && shards.at(-1).length > 0) {
      shards.push([])
      size = 0
    }
    shards.at(-1).push(tensor)
    size += bytes
  }
  return shards
}

/** One tensor after the other, nothing kept: memory does not grow with the model. */
function writeSafetensors(path, tensors, dtype, seed) {
  const sorted = inFileOrder(tensors)
  const file = openSync(path, 'w')
  try {
    writeAll(file, header(sorted, dtype))
    for (const tensor of sorted) {
      for (const bytes of tensorBytes(tensor, dtype, seed)) writeAll(file, bytes)
    }
  } finally {
    closeSync(file)
  }
}

/** As the safetensors library writes: wide types first, then by name. */
function inFileOrder(tensors) {
  const key = ({ name, kind }) => (kind === 'counter' ? '0' : '1') + name
  return tensors.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
}

function header(tensors, dtype) {
  const entries = { __metadata__: { format: 'pt' } }
  let offset = 0
  for (const tensor of tensors) {
    const end = offset + sizeInBytes(tensor, dtype)
    entries[tensor.name] = {
      dtype: tensor.kind === 'counter' ? 'I64' : dtype,
      shape: tensor.shape,
      data_offsets: [offset, end],
    }
    offset = end
  }
  const json = JSON.stringify(entries)
  const text = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 8) * 8))
  const bytes = new Uint8Array(8 + text.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  return bytes
}

function writeAll(file, bytes) {
  let done = 0
  while (done < bytes.length) done += writeSync(file, bytes, done)
}
